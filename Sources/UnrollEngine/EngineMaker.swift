import UnrollKernels
import UnrollModel

/// What is asked of an engine when it is made; an engine without such a choice ignores it.
public struct EngineSettings: Sendable, Hashable {
    /// The number format of matrix-multiplication operands.
    ///
    /// Default: float32.
    public var precision: Precision
    /// Threads that compute.
    ///
    /// Default: as many as there are processors.
    public var threads: Int?
    /// The kernels to use.
    ///
    /// Default: what `UNROLL_KERNELS` names, otherwise the fastest.
    public var kernelLevel: KernelLevel?

    /// Collects the settings.
    public init(precision: Precision = .float32, threads: Int? = nil, kernelLevel: KernelLevel? = nil) {
        self.precision = precision
        self.threads = threads
        self.kernelLevel = kernelLevel
    }
}

/// How engines are made for a model that generates, scores or compresses: ``cpu``, or any other kind.
public struct EngineMaker: Sendable {
    /// Makes an engine that starts from parameters.
    public typealias Make =
        @Sendable (ModelConfiguration, ModelParameters, EngineSettings) throws -> any Engine

    private let make: Make

    /// Makes engines by calling a function.
    public init(_ make: @escaping Make) {
        self.make = make
    }

    /// Makes an engine.
    ///
    /// - Throws: What the engine's initializer throws.
    public func engine(
        configuration: ModelConfiguration, parameters: ModelParameters,
        settings: EngineSettings = EngineSettings()
    ) throws -> any Engine {
        try make(configuration, parameters, settings)
    }

    /// The fast engine, the default.
    public static let cpu = EngineMaker { configuration, parameters, settings in
        try CPUEngine(
            configuration: configuration, parameters: parameters, precision: settings.precision,
            threads: settings.threads, kernelLevel: settings.kernelLevel)
    }

    /// The slow engine in double precision that the others are checked against.
    public static let reference = EngineMaker { configuration, parameters, settings in
        try ReferenceEngine(
            configuration: configuration, parameters: parameters, precision: settings.precision)
    }
}
