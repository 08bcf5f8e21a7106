/// A module of the CUDA driver.
///
/// Unchecked, as the handle is only ever handed to the driver, which may be called from all threads.
final class DriverModule: KernelModule, @unchecked Sendable {
    private let context: PrimaryContext
    private let handle: DriverFunctions.Handle?

    /// The driver's names of errors that say that it cannot read a cubin.
    private static let refusals: Set<String> = [
        "CUDA_ERROR_INVALID_IMAGE", "CUDA_ERROR_NO_BINARY_FOR_GPU", "CUDA_ERROR_INVALID_PTX",
        "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "CUDA_ERROR_INVALID_SOURCE",
    ]

    /// Loads a cubin.
    init(_ cubin: [UInt8], in context: PrimaryContext) throws(CUDAError) {
        var handle: DriverFunctions.Handle?
        try context.call("cuModuleLoadData") { $0.cuModuleLoadData(&handle, cubin) }
        self.context = context
        self.handle = handle
    }

    deinit {
        context.release { $0.cuModuleUnload(handle) }
    }

    func kernel(_ name: String) throws(CUDAError) -> Kernel {
        var function: DriverFunctions.Handle?
        try context.call("cuModuleGetFunction of \(name)") { $0.cuModuleGetFunction(&function, handle, name) }
        guard let function else {
            throw .driver(
                function: "cuModuleGetFunction of \(name)", name: "no error", message: "there is no function")
        }
        return Kernel(name: name, handle: function)
    }

    /// Whether an error of loading says that the driver cannot read the cubin.
    static func isRefusal(_ error: CUDAError) -> Bool {
        if case .driver(_, let name, _) = error { refusals.contains(name) } else { false }
    }
}
