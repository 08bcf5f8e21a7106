import ArgumentParser
import Unroll

/// The number format of matrix products.
struct PrecisionOptions: ParsableArguments {
    @Option(
        help:
            "The number format of matrix products; bfloat16 is faster where the processor has instructions for it."
    )
    var precision: Precision = .float32
}

/// The engine.
struct EngineOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case cpu
        case reference
    }

    @Option(help: "The engine: cpu, or reference (slow, in double precision).")
    var engine: Name = .cpu

    @OptionGroup
    var products: PrecisionOptions

    @Option(
        parsing: .unconditional,
        help: "Threads that compute (default: all processors). They do not change the result.")
    var threads: Int?

    func validate() throws {
        if engine == .reference, products.precision != .float32 {
            throw ValidationError(
                "--engine reference computes in double precision alone; leave out --precision \(products.precision)"
            )
        }
    }

    var kind: EngineKind {
        switch engine {
        case .cpu: .cpu(threads: threads)
        case .reference: .reference
        }
    }
}

extension Preprocessing: ExpressibleByArgument {}
extension TokenKind: ExpressibleByArgument {}
extension Partitioning: ExpressibleByArgument {}
extension WeightInitializer: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// A cell by its name.
struct CellName: ExpressibleByArgument {
    let type: any RecurrentCell.Type

    init(type: any RecurrentCell.Type) {
        self.type = type
    }

    init?(argument: String) {
        guard let type = ModelConfiguration.builtInCells.first(where: { $0.name == argument }) else {
            return nil
        }
        self.type = type
    }

    var defaultValueDescription: String { type.name }

    static var allValueStrings: [String] { ModelConfiguration.builtInCells.map { $0.name } }
}

/// The size of the vector that stands for a token, or `one-hot`.
struct EmbeddingSize: ExpressibleByArgument {
    /// Nil for one-hot vectors.
    let value: Int?

    init(value: Int?) {
        self.value = value
    }

    init?(argument: String) {
        value = Int(argument)
        guard value != nil || argument == Self.oneHot else { return nil }
    }

    var defaultValueDescription: String { value.map { "\($0)" } ?? Self.oneHot }

    private static let oneHot = "one-hot"
}
