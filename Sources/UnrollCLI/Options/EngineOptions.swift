import ArgumentParser
import Unroll

/// The number format of matrix products.
struct PrecisionOptions: ParsableArguments {
    @Option(
        name: .customLong("precision"),
        help: """
            The number format of matrix products; bfloat16 is faster where the processor has instructions for it \
            (default: float32).
            """)
    var given: Precision?

    var precision: Precision { given ?? .float32 }
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
        help: "Threads of --engine cpu (default: all processors). They do not change the result.")
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

    init?(argument: String) {
        guard let type = ModelConfiguration.builtInCells.first(where: { $0.name == argument }) else {
            return nil
        }
        self.type = type
    }

    static var allValueStrings: [String] { ModelConfiguration.builtInCells.map { $0.name } }
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
