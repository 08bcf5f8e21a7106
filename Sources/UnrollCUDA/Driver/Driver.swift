import Synchronization
import UnrollBase

/// The CUDA driver of this machine, found when a GPU is asked for.
struct Driver: Sendable {
    /// The oldest version of CUDA whose drivers will do.
    private static let neededVersion = CUDAVersion(12, 0)
    /// Where the driver of Windows is in its subsystem for Linux, which a loader may not know.
    private static let fileUnderWindows = "/usr/lib/wsl/lib/libcuda.so.1"
    /// The result that says that there is no GPU.
    private static let noDevice: DriverFunctions.Result = 100
    /// The result that says that there is not enough memory.
    static let outOfMemory: DriverFunctions.Result = 2
    /// CUDA_ERROR_NOT_READY.
    static let notReady: DriverFunctions.Result = 600
    /// CUDA_ERROR_INVALID_CLUSTER_SIZE.
    static let invalidClusterSize: DriverFunctions.Result = 912

    let functions: DriverFunctions
    /// The newest version of CUDA that the driver is for.
    let version: CUDAVersion

    /// Loads the driver and starts it.
    ///
    /// - Parameter environment: The environment variables; `UNROLL_CUDA_DRIVER` is the path of a driver to take in place
    ///   of the system's.
    /// - Throws: `CUDAError.noDriver`, `.driverTooOld`, `.noDevice` or `.driver`.
    init(environment: [String: String]) throws(CUDAError) {
        let path = environment["UNROLL_CUDA_DRIVER"].flatMap { $0.isEmpty ? nil : $0 }
        let library = try Self.find { () throws(DynamicLibrary.Failure) in
            guard path == nil, let library = try? DynamicLibrary(Self.fileUnderWindows) else {
                return try DynamicLibrary(path ?? "libcuda.so.1")
            }
            return library
        }
        // Alone and first, as an older driver lacks other functions.
        let getVersion = try Self.find { () throws(DynamicLibrary.Failure) in
            try library.function(
                "cuDriverGetVersion", as: (@convention(c) (UnsafeMutablePointer<Int32>) -> Int32).self)
        }
        var number: Int32 = 0
        _ = getVersion(&number)
        version = CUDAVersion(Int(number) / 1000, Int(number) % 1000 / 10)
        guard version >= Self.neededVersion else {
            throw .driverTooOld(version: version.description, needed: Self.neededVersion.description)
        }
        functions = try Self.find { () throws(DynamicLibrary.Failure) in try DriverFunctions(in: library) }
        let result = functions.cuInit(0)
        if result == Self.noDevice { throw .noDevice }
        try check(result, of: "cuInit")
    }

    private static func find<Found>(
        _ body: () throws(DynamicLibrary.Failure) -> Found
    ) throws(CUDAError) -> Found {
        do throws(DynamicLibrary.Failure) {
            return try body()
        } catch {
            throw .noDriver(reason: error.reason)
        }
    }

    /// Throws `CUDAError.driver` unless a function has succeeded.
    func check(_ result: DriverFunctions.Result, of function: String) throws(CUDAError) {
        guard result != 0 else { return }
        if result == Self.outOfMemory { throw .memoryInUse(function: function) }
        throw .driver(
            function: function, name: text(functions.cuGetErrorName, of: result) ?? "error \(result)",
            message: text(functions.cuGetErrorString, of: result) ?? "an unknown error")
    }

    private func text(
        _ function: (DriverFunctions.Result, UnsafeMutablePointer<UnsafePointer<CChar>?>) ->
            DriverFunctions.Result,
        of result: DriverFunctions.Result
    ) -> String? {
        var text: UnsafePointer<CChar>?
        guard function(result, &text) == 0 else { return nil }
        return text.map { String(cString: $0) }
    }

    /// How many GPUs there are.
    ///
    /// - Throws: `CUDAError.noDevice` if there are none.
    func deviceCount() throws(CUDAError) -> Int {
        var count: Int32 = 0
        try check(functions.cuDeviceGetCount(&count), of: "cuDeviceGetCount")
        guard count > 0 else { throw .noDevice }
        return Int(count)
    }

    /// The driver's number of a GPU, and what it is.
    ///
    /// - Throws: `CUDAError.noSuchDevice`, `.noDevice` or `.driver`.
    func device(at index: Int) throws(CUDAError) -> (
        number: DriverFunctions.DeviceNumber, properties: DeviceProperties
    ) {
        let count = try deviceCount()
        guard (0..<count).contains(index) else { throw .noSuchDevice(index: index, count: count) }
        var number: DriverFunctions.DeviceNumber = 0
        try check(functions.cuDeviceGet(&number, Int32(index)), of: "cuDeviceGet")
        var name = [CChar](repeating: 0, count: 256)
        try check(functions.cuDeviceGetName(&name, Int32(name.count), number), of: "cuDeviceGetName")
        // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR, _MULTIPROCESSOR_COUNT and
        // _MAX_SHARED_MEMORY_PER_BLOCK_OPTIN.
        let capability = ComputeCapability(try attribute(75, of: number), try attribute(76, of: number))
        let multiprocessors = try attribute(16, of: number), sharedMemory = try attribute(97, of: number)
        var memory = 0
        try check(functions.cuDeviceTotalMem(&memory, number), of: "cuDeviceTotalMem")
        var uuid = [UInt8](repeating: 0, count: 16)
        try check(functions.cuDeviceGetUuid(&uuid, number), of: "cuDeviceGetUuid")
        let nameBytes = name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        return (
            number,
            DeviceProperties(
                name: EscapedText.encode(nameBytes), index: index, capability: capability, memory: memory,
                multiprocessors: multiprocessors, sharedMemory: sharedMemory, uuid: uuid)
        )
    }

    private func attribute(
        _ attribute: Int32, of number: DriverFunctions.DeviceNumber
    ) throws(CUDAError) -> Int {
        var value: Int32 = 0
        try check(functions.cuDeviceGetAttribute(&value, attribute, number), of: "cuDeviceGetAttribute")
        return Int(value)
    }
}

/// A version of CUDA.
struct CUDAVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    let major: Int
    let minor: Int

    init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// As "13.0".
    var description: String { "\(major).\(minor)" }

    static func < (left: CUDAVersion, right: CUDAVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

/// The context of a GPU that all libraries of this process share, held until the last reference to it goes.
///
/// Unchecked, as the handle is only ever handed to the driver, which may be called from all threads.
final class PrimaryContext: @unchecked Sendable {
    let driver: Driver
    private let number: DriverFunctions.DeviceNumber
    private let handle: DriverFunctions.Handle?

    private static let captures = Mutex(())

    /// Keeps captures of all threads apart from waiting for the whole context.
    ///
    /// The driver refuses to wait while any stream of the context captures, and ends that capture with an error. The
    /// context is one for all engines of the process, so the lock is, too.
    ///
    /// - Parameter body: Captures, or waits for the context; it must not call this again.
    /// - Throws: What `body` throws.
    static func exclusively<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
        try captures.withLock { _ throws(Failure) in try body() }
    }

    /// Holds the context of a GPU, and makes it if there is none.
    init(of number: DriverFunctions.DeviceNumber, driver: Driver) throws(CUDAError) {
        var handle: DriverFunctions.Handle?
        try driver.check(
            driver.functions.cuDevicePrimaryCtxRetain(&handle, number), of: "cuDevicePrimaryCtxRetain")
        self.driver = driver
        self.number = number
        self.handle = handle
    }

    deinit {
        _ = driver.functions.cuDevicePrimaryCtxRelease(number)
    }

    /// Makes this the context of the current thread, as every thread has its own, and a task may run on any.
    func makeCurrent() throws(CUDAError) {
        try driver.check(driver.functions.cuCtxSetCurrent(handle), of: "cuCtxSetCurrent")
    }

    /// Calls a function of the driver in this context.
    ///
    /// - Parameters:
    ///   - name: Its name, for errors.
    ///   - body: Calls it and returns its result.
    /// - Throws: `CUDAError.driver`.
    func call(
        _ name: String, _ body: (DriverFunctions) -> DriverFunctions.Result
    ) throws(CUDAError) {
        try makeCurrent()
        try driver.check(body(driver.functions), of: name)
    }

    /// Gives something back in this context.
    ///
    /// A failure is not reported here: it was that of earlier work, or the next call has it, too.
    func release(_ body: (DriverFunctions) -> DriverFunctions.Result) {
        guard (try? makeCurrent()) != nil else { return }
        _ = body(driver.functions)
    }
}
