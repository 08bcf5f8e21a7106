import Foundation
import UnrollCluster
import UnrollEngine

extension CUDAEngine {
    /// The same processes as a group that exchanges what is in the memory of GPUs: by NCCL, or by way of the machine's
    /// memory where a process lacks it or two share a GPU.
    ///
    /// All processes must ask for it; the group's description says which it is.
    ///
    /// - Throws: `ClusterError`.
    package func group(reaching group: any ProcessGroup) throws -> any ProcessGroup {
        try self.group(reaching: group, environment: ProcessInfo.processInfo.environment)
    }

    /// The same, with these environment variables.
    ///
    /// - Parameters:
    ///   - group: The processes.
    ///   - environment: The variables; `UNROLL_NCCL` is the path of NCCL or its folder.
    /// - Returns: The group.
    /// - Throws: `ClusterError`.
    package func group(
        reaching group: any ProcessGroup, environment: [String: String]
    ) throws(ClusterError) -> any ProcessGroup {
        // Of one process there are no messages.
        guard group.size > 1 else { return group }
        // All processes know the same of all, and so decide alike.
        let gpus = try group.gather(device.properties.uuid)
        if let (first, second) = Self.firstPair(of: gpus) {
            return staged(group, because: "processes \(first) and \(second) share a GPU")
        }
        let found = Result { () throws(NCCLSearch.Missing) in try NCCLSearch.find(in: environment) }
        let version = (try? found.get())?.version ?? ""
        let versions = try group.gather(Array(version.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let nccl: NCCL
        do throws(NCCLSearch.Missing) {
            nccl = try found.get()
        } catch {
            return staged(group, because: "NCCL is not in \(error.searched.joined(separator: ", "))")
        }
        if let process = versions.firstIndex(of: "") {
            return staged(group, because: "process \(process) has no NCCL")
        }
        if let process = versions.firstIndex(where: { $0 != versions[0] }) {
            return staged(
                group,
                because: "process 0 has NCCL \(versions[0]) and process \(process) \(versions[process])")
        }
        return try NCCLProcessGroup(nccl, beside: group, on: queue)
    }

    private func staged(_ group: any ProcessGroup, because reason: String) -> StagedProcessGroup {
        StagedProcessGroup(beside: group, on: device, queue, because: reason)
    }

    /// The first two processes that have the same GPU, or do not know which they have.
    private static func firstPair(of gpus: [[UInt8]]) -> (Int, Int)? {
        var owners: [[UInt8]: Int] = [:]
        for (process, gpu) in gpus.enumerated() {
            if let owner = owners.updateValue(process, forKey: gpu) { return (owner, process) }
        }
        return nil
    }

    /// The GPU of one of several processes of a machine: each has one of its own as far as there are as many, and then they
    /// go around.
    ///
    /// - Parameters:
    ///   - localRank: The number of the process among those of its machine, from 0, as `Launcher.localRank`.
    ///   - environment: The environment variables. Default: those of this process.
    /// - Returns: The number of the GPU.
    /// - Throws: `CUDAError.noDriver`, `.driverTooOld`, `.noDevice` or `.driver`.
    package static func device(
        ofLocalRank localRank: Int, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CUDAError) -> Int {
        max(0, localRank) % (try Driver(environment: environment).deviceCount())
    }
}
