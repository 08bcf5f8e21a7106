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
        let found = Result { () throws(NCCLSearch.Missing) in try NCCLSearch.find(in: environment) }
        let version = (try? found.get())?.version ?? ""
        // All processes know the same of all, and so decide alike.
        let versions = try group.gather(Array(version.utf8)).map { String(decoding: $0, as: UTF8.self) }
        let gpus = try group.gather(device.properties.uuid)
        let nccl: NCCL
        do throws(NCCLSearch.Missing) {
            nccl = try found.get()
        } catch {
            return staged(group, because: "NCCL is not in \(error.searched.joined(separator: ", "))")
        }
        if let reason = Self.reasonAgainstNCCL(versions: versions, gpus: gpus) {
            return staged(group, because: reason)
        }
        return try NCCLProcessGroup(nccl, beside: group, on: queue)
    }

    private func staged(_ group: any ProcessGroup, because reason: String) -> StagedProcessGroup {
        StagedProcessGroup(beside: group, on: device, queue, because: reason)
    }

    /// Why processes with NCCL of these versions, empty where there is none, and these GPUs cannot use it; nil if they can.
    static func reasonAgainstNCCL(versions: [String], gpus: [[UInt8]]) -> String? {
        if let process = versions.firstIndex(of: "") { return "process \(process) has no NCCL" }
        if let process = versions.firstIndex(where: { $0 != versions[0] }) {
            return "process 0 has NCCL \(versions[0]) and process \(process) has \(versions[process])"
        }
        var owners: [[UInt8]: Int] = [:]
        for (process, gpu) in gpus.enumerated() {
            if let owner = owners.updateValue(process, forKey: gpu) {
                return "processes \(owner) and \(process) share a GPU"
            }
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
