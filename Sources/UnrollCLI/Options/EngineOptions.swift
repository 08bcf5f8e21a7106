import ArgumentParser
import Unroll
import UnrollCUDA
import UnrollKernels
import UnrollTraining

/// The number format of matrix products.
struct PrecisionOptions: ParsableArguments {
    @Option(
        name: .customLong("precision"),
        help: """
            The number format of matrix products; bfloat16 is faster where the processor or the GPU has instructions \
            for it, and int8, which rounds weights to eight bits, where a model is not trained (default: float32, or \
            int8 of a quantized model).
            """)
    var given: Precision?

    /// Of a model that is trained.
    var precision: Precision { given ?? .float32 }

    fileprivate func checkReference() throws {
        guard given != .bfloat16 else {
            throw ValidationError(
                "--engine reference computes in double precision; leave out --precision bfloat16")
        }
    }
}

/// Which of several GPUs.
struct DeviceOptions: ParsableArguments {
    @Option(
        name: .customLong("device"), parsing: .unconditional,
        help: ArgumentHelp("The GPU of --engine cuda, counted from 0 (default: 0).", valueName: "n"))
    var given: Int?

    var index: Int { given ?? 0 }

    func check(isCUDA: Bool) throws {
        guard let given else { return }
        guard isCUDA else { throw ValidationError("--device is that of --engine cuda; add it") }
        guard given >= 0 else { throw ValidationError("--device is \(given) but must be at least 0") }
    }
}

/// The engine that trains, without the precision.
struct TrainingEngineOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case auto
        case cpu
        case cuda
        case reference
    }

    @Option(
        name: .customLong("engine"),
        help: """
            The engine: auto, which is an NVIDIA GPU if one can be used and otherwise the CPU; cpu; cuda, an NVIDIA GPU; \
            or reference, which is slow and in double precision (default: auto).
            """)
    var given: Name?

    @OptionGroup
    var device: DeviceOptions

    @Option(
        parsing: .unconditional,
        help: "Threads that compute on the CPU (default: all processors). They do not change the result.")
    var threads: Int?

    func validate() throws {
        try device.check(isCUDA: given == .cuda)
    }

    var kind: EngineKind {
        switch given ?? .auto {
        case .auto: .automatic(threads: threads ?? Cluster.threads)
        case .cpu: .cpu(threads: threads ?? Cluster.threads)
        case .cuda: .cuda(device: device.given ?? Cluster.device)
        case .reference: .reference
        }
    }
}

/// The engine that trains.
struct EngineOptions: ParsableArguments {
    @OptionGroup
    var engine: TrainingEngineOptions

    @OptionGroup
    var products: PrecisionOptions

    func validate() throws {
        if let precision = products.given, !Precision.trainable.contains(precision) {
            throw ValidationError(
                "--precision is \(precision), which nothing is trained in; train in float32 or bfloat16, then 'unroll quantize'"
            )
        }
        if engine.given == .reference { try products.checkReference() }
    }

    var kind: EngineKind { engine.kind }
}

/// The engine that computes a trained model.
struct ModelEngineOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case cpu
        case cuda
        case reference
    }

    @Option(
        help: """
            The engine: cpu, which is faster with one text at a time; cuda, an NVIDIA GPU; or reference, which is slow \
            and in double precision.
            """)
    var engine: Name = .cpu

    @OptionGroup
    var device: DeviceOptions

    @OptionGroup
    var products: PrecisionOptions

    @Option(parsing: .unconditional, help: "Threads that compute on the CPU (default: all processors).")
    var threads: Int?

    func validate() throws {
        try device.check(isCUDA: engine == .cuda)
        if engine == .reference { try products.checkReference() }
    }

    /// Nil for the model's own.
    var precision: Precision? { products.given }

    /// Reads a model that is computed by this engine; a GPU is opened, so that one that cannot be used shows at once.
    func model(in folder: FolderPath) throws -> LanguageModel {
        let model = try LanguageModel(contentsOf: folder.url)
        return model.computed(by: try maker)
    }

    /// What makes the engines; a GPU is opened.
    var maker: EngineMaker {
        get throws {
            switch engine {
            case .cpu: .cpu
            case .cuda: .cuda(on: try DriverDevice.open(index: device.index))
            case .reference: .reference
            }
        }
    }
}

extension Preprocessing: ExpressibleByArgument {}
extension Partitioning: ExpressibleByArgument {}
extension WeightInitializer: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// A cell by its name.
struct CellName: ExpressibleByArgument {
    let type: any RecurrentCell.Type

    init?(argument: String) {
        guard let type = ModelConfiguration.builtInCells.first(where: { $0.name == argument }) else {
            return nil
        }
        self.type = type
    }

    static var allValueStrings: [String] { ModelConfiguration.builtInCells.map { $0.name } }
}

/// The order of an n-gram model, or `none`.
struct NGramOrder: ExpressibleByArgument {
    /// Nil for none.
    let value: Int?

    init?(argument: String) {
        value = Int(argument)
        guard value != nil || argument == Self.none else { return nil }
    }

    private static let none = "none"
}

/// The size of the vector that stands for a token, or `one-hot`.
struct EmbeddingSize: ExpressibleByArgument {
    /// Nil for one-hot vectors.
    let value: Int?

    init?(argument: String) {
        value = Int(argument)
        guard value != nil || argument == Self.oneHot else { return nil }
    }

    private static let oneHot = "one-hot"
}
