import UnrollBase

/// Why a GPU cannot be used, or stopped working.
public enum CUDAError: UnrollError, Equatable {
    /// There is no NVIDIA driver; `reason` is the loader's.
    case noDriver(reason: String)
    /// The driver is for an older version of CUDA than the one that is needed, such as "11.4" and "12.0".
    case driverTooOld(version: String, needed: String)
    /// There is a driver, but no GPU that this process may use.
    case noDevice
    /// There are `count` GPUs, numbered from 0, and `index` is not one of them.
    case noSuchDevice(index: Int, count: Int)
    /// The GPU's compute capability is less than `needed`, such as "7.5".
    case unsupportedDevice(name: String, capability: String, needed: String)
    /// The GPU's compute capability is less than what the tensor cores of this precision need.
    case unsupportedPrecision(String, name: String, capability: String, needed: String)
    /// The engine has no kernels for a precision.
    case precisionMissing(String)
    /// `UNROLL_CUDA_KERNELS` names kernels that do not exist.
    case unknownKernels(String)
    /// There is no usable NVRTC, the library that compiles kernels, in any of the places `searched`, which say why not
    /// where there is one; `package` is what pip installs it from.
    case noCompiler(searched: [String], package: String)
    /// NVRTC of this version knows no architecture whose code the GPU can run, such as "sm_103".
    case compilerTooOld(version: String, architecture: String, package: String)
    /// `UNROLL_CUDA_WATCHDOG` does not say seconds in 0.001...3600.
    case invalidWatchdog(String)
    /// NVRTC refuses kernels; `log` has its messages.
    case compilation(name: String, log: String)
    /// The GPU has less memory left than was asked for, in bytes.
    case outOfMemory(needed: Int, available: Int, device: String)
    /// The GPU has no memory left for what `function` of the driver needs.
    case memoryInUse(function: String)
    /// An array of the network would have more numbers than kernels count.
    case arrayTooLarge(count: Double, limit: Int)
    /// A function of the driver failed; `name` and `message` are the driver's.
    case driver(function: String, name: String, message: String)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .noDriver(let reason):
            "there is no NVIDIA driver on this machine: \(reason); install it, or use the CPU"
        case .driverTooOld(let version, let needed):
            "the NVIDIA driver is for CUDA \(version) but must be for \(needed) or newer; update it"
        case .noDevice:
            "there is no NVIDIA GPU that this process may use; check nvidia-smi and CUDA_VISIBLE_DEVICES"
        case .noSuchDevice(let index, let count):
            "there is no GPU \(index); "
                + (count == 1 ? "the only one is 0" : "there are \(count), from 0 to \(count - 1)")
        case .unsupportedDevice(let name, let capability, let needed):
            "the GPU '\(name)' has compute capability \(capability) but must have \(needed) or more; "
                + "use another one or the CPU"
        case .unsupportedPrecision(let precision, let name, let capability, let needed):
            "the GPU '\(name)' has compute capability \(capability), but \(precision) needs \(needed) or more; "
                + "use float32"
        case .precisionMissing(let precision):
            "a GPU does not compute in \(precision); use float32, which computes with the rounded weights, or the CPU"
        case .unknownKernels(let name):
            "\(RecurrenceKernels.environmentVariable) is '\(EscapedText.line(name))' but must be "
                + "\(RecurrenceKernels.allCases.dropLast().map(\.rawValue).joined(separator: ", ")) or "
                + RecurrenceKernels.allCases.suffix(1).map(\.rawValue).joined()
        case .noCompiler(let searched, let package):
            "there is no compiler of CUDA kernels (libnvrtc) in \(searched.joined(separator: ", ")); "
                + Self.installation(of: package)
        case .compilerTooOld(let version, let architecture, let package):
            "the compiler of CUDA kernels (NVRTC \(version)) does not know the GPU's architecture "
                + "\(architecture); \(Self.installation(of: package))"
        case .invalidWatchdog(let text):
            "UNROLL_CUDA_WATCHDOG is '\(EscapedText.line(text))' but must be seconds in 0.001...3600"
        case .compilation(let name, let log):
            "\(name) cannot be compiled for the GPU: \(Self.firstError(in: log)); report this as a bug"
        case .outOfMemory(let needed, let available, let device):
            "\(Self.size(needed)) do not fit in the memory of the GPU '\(device)', of which "
                + "\(Self.size(available)) are free; take a smaller batch or model, or end what else uses it"
        case .memoryInUse(let function):
            "the GPU has no memory left (\(function)); end what else uses it, or use the CPU"
        case .arrayTooLarge(let count, let limit):
            "an array of \(NumberFormat.grouped(count)) numbers would be needed on the GPU, which takes up to \(NumberFormat.grouped(Double(limit))); "
                + "take a smaller batch or model, or shorter sequences"
        case .driver(let function, let name, let message):
            "the GPU failed: \(function): \(name), \(EscapedText.line(message)); "
                + "the log of the system's kernel may say why"
        }
    }

    /// Checks that kernels, which count in 32 bits, can count so many numbers.
    static func requireCountable(_ count: Double, limit: Int = 1 << 30) throws(CUDAError) {
        guard count <= Double(limit) else { throw .arrayTooLarge(count: count, limit: limit) }
    }

    private static func installation(of package: String) -> String {
        "install the package \(package) with pip, or set UNROLL_NVRTC to the folder of libnvrtc"
    }

    /// The first line of a compiler's messages that has an error, or else the first one.
    private static func firstError(in log: String) -> String {
        let lines = log.split(separator: "\n")
        let line = lines.first { $0.contains("error") } ?? lines.first ?? "no reason is given"
        return EscapedText.line(String(line))
    }

    private static func size(_ byteCount: Int) -> String { NumberFormat.bytes(Double(byteCount)) }
}
