import Foundation
import Testing
import UnrollCUDA
import UnrollCluster
import UnrollTestSupport

/// Where NCCL is looked for.
@Suite(.needsCompiler) struct NCCLSearchTests {
    @Test func theVariableNamesAFileOrItsFolder() throws {
        let (library, folder) = (try FakeLibrary("nccl"), try TemporaryFolder())
        let file = folder.url.appending(path: "libnccl.so.2")
        try FileManager.default.copyItem(at: library.file, to: file)
        for place in [file, folder.url] {
            #expect(try NCCLSearch.find(in: ["UNROLL_NCCL": place.path]).version == "2.27.3")
        }
        let empty = folder.url.appending(path: "empty")
        let error = #expect(throws: NCCLSearch.Missing.self) {
            try NCCLSearch.find(in: ["UNROLL_NCCL": empty.path])
        }
        #expect(error?.searched.count == 1)
        #expect(error?.searched.first?.hasPrefix(empty.path) == true)
    }

    /// A library that lacks functions says which.
    @Test func anOlderNCCLIsNotTaken() throws {
        let error = #expect(throws: NCCLSearch.Missing.self) {
            try NCCLSearch.find(in: ["UNROLL_NCCL": FakeLibrary("nvrtc").file.path])
        }
        #expect(error?.searched.first?.contains("ncclGetVersion") == true)
    }

    /// NCCL as pip has it, which can be loaded without a GPU; nothing more can be done with it then.
    @Test(.enabled(if: realNCCL != nil, "this machine has no NCCL; UNROLL_NCCL can name one"))
    func aRealNCCLSaysWhyItCannotBeUsed() throws {
        let nccl = try #require(realNCCL)
        #expect(nccl.version.hasPrefix("2."))
        let gpu = try FakeGPU()
        LocalProcessGroup.run(1) { group in
            let queue = try gpu.open().makeQueue()
            _ = try NCCLProcessGroup(nccl, beside: group, on: queue)
        }.forEach { result in
            // A machine with a GPU would make a communicator, though the driver is a stand-in.
            guard case .failure(let error) = result else { return }
            guard case ClusterError.failed("NCCL", nccl.version, "ncclCommInitRankConfig", let reason) = error
            else {
                Issue.record("\(error)")
                return
            }
            #expect(!reason.isEmpty)
        }
    }

    private static let realNCCL = try? NCCLSearch.find(in: ProcessInfo.processInfo.environment)
}
