import UnrollBase

/// Why a GPU cannot be used, or stopped working.
public enum CUDAError: UnrollError, Equatable {
    /// There is no NVIDIA driver; `reason` is the loader's.
    case noDriver(reason: String)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .noDriver(let reason): "there is no NVIDIA driver on this machine: \(reason)"
        }
    }
}
