import DeviceCheck
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
        let nccl = try #require(Self.realNCCL)
        #expect(nccl.version.hasPrefix("2."))
        let queue = try FakeGPU().open().makeQueue()
        do throws(ClusterError) {
            // A machine with a GPU makes a communicator of it, though the driver here is a stand-in.
            _ = try NCCLProcessGroup(nccl, beside: OneProcess(), on: queue)
        } catch {
            guard case .failed("NCCL", nccl.version, "ncclCommInitRankConfig", let reason) = error else {
                throw error
            }
            #expect(!reason.isEmpty)
        }
    }

    private static let realNCCL = try? NCCLSearch.find(in: ProcessInfo.processInfo.environment)
}
