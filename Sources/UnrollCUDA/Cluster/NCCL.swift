import CUnrollNCCL
import UnrollBase

/// NCCL, NVIDIA's library that carries what is in the memory of GPUs from one to another, within machines and between
/// them.
package struct NCCL: Sendable {
    /// The name of its file.
    static let file = "libnccl.so.2"

    let functions: NCCLFunctions
    /// Such as "2.27.3".
    package let version: String

    /// Loads NCCL; that needs no GPU.
    ///
    /// - Parameter name: A path, or a bare name for the loader to find.
    /// - Throws: The loader's reason.
    package init(_ name: String) throws(DynamicLibrary.Failure) {
        functions = try NCCLFunctions(in: DynamicLibrary(name))
        var number: Int32 = 0
        _ = functions.ncclGetVersion(&number)
        version = "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
    }
}

/// The functions of NCCL that this package calls, with types as in `DriverFunctions`; NCCL 2.14 has all of them.
struct NCCLFunctions: Sendable {
    /// `ncclResult_t`.
    typealias Result = Int32
    /// `ncclComm_t` and `cudaStream_t`.
    typealias Handle = OpaquePointer

    /// `ncclSuccess`.
    static let success: Result = 0
    /// `ncclInProgress`: it goes on, and `ncclCommGetAsyncError` tells when it has been done.
    static let inProgress: Result = 7
    /// `ncclInt8`: bytes, which are carried as they are.
    static let bytes: Int32 = 0

    let ncclGetVersion: @convention(c) @Sendable (UnsafeMutablePointer<Int32>) -> Result
    let ncclGetErrorString: @convention(c) @Sendable (Result) -> UnsafePointer<CChar>?
    let ncclGetLastError: @convention(c) @Sendable (Handle?) -> UnsafePointer<CChar>?
    let ncclGetUniqueId: @convention(c) @Sendable (UnsafeMutablePointer<UnrollCommunicatorID>) -> Result
    let ncclCommInitRankConfig:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Handle?>, Int32, UnrollCommunicatorID, Int32,
            UnsafeMutablePointer<UnrollCommunicatorSettings>
        ) -> Result
    let ncclCommGetAsyncError: @convention(c) @Sendable (Handle?, UnsafeMutablePointer<Result>) -> Result
    let ncclCommAbort: @convention(c) @Sendable (Handle?) -> Result
    let ncclGroupStart: @convention(c) @Sendable () -> Result
    let ncclGroupEnd: @convention(c) @Sendable () -> Result
    let ncclSend: @convention(c) @Sendable (UnsafeRawPointer?, Int, Int32, Int32, Handle?, Handle?) -> Result
    let ncclRecv:
        @convention(c) @Sendable (UnsafeMutableRawPointer?, Int, Int32, Int32, Handle?, Handle?) -> Result

    /// Finds them all.
    init(in library: DynamicLibrary) throws(DynamicLibrary.Failure) {
        ncclGetVersion = try library.function("ncclGetVersion")
        ncclGetErrorString = try library.function("ncclGetErrorString")
        ncclGetLastError = try library.function("ncclGetLastError")
        ncclGetUniqueId = try library.function("ncclGetUniqueId")
        ncclCommInitRankConfig = try library.function("ncclCommInitRankConfig")
        ncclCommGetAsyncError = try library.function("ncclCommGetAsyncError")
        ncclCommAbort = try library.function("ncclCommAbort")
        ncclGroupStart = try library.function("ncclGroupStart")
        ncclGroupEnd = try library.function("ncclGroupEnd")
        ncclSend = try library.function("ncclSend")
        ncclRecv = try library.function("ncclRecv")
    }
}
