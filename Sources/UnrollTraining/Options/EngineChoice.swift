import UnrollEngine
import UnrollKernels
import UnrollModel

/// Which engine computes a run; results of one engine do not depend on its number of threads.
public enum EngineChoice: Sendable, Equatable {
    /// The fast engine; nil threads are as many as there are processors.
    case cpu(threads: Int?)
    /// The slow one in double precision, which the others are checked against.
    case reference

    /// Creates the engine; a precision is the fast one's alone.
    package func makeEngine(
        configuration: ModelConfiguration, parameters: ModelParameters, precision: Precision = .float32
    ) throws -> any Engine {
        switch self {
        case .cpu(let threads):
            try CPUEngine(
                configuration: configuration, parameters: parameters, precision: precision, threads: threads)
        case .reference:
            try ReferenceEngine(configuration: configuration, parameters: parameters)
        }
    }
}
