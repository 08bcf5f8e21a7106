import ArgumentParser
import Unroll

/// What matrix products multiply.
struct PrecisionOptions: ParsableArguments {
    @Option(
        help: "What products multiply; bfloat16 is faster where the processor has instructions for it.")
    var precision: Precision = .float32
}

/// What computes.
struct EngineOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case cpu
        case reference
    }

    @Option(help: "What computes: cpu, or reference (slow, in double precision).")
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

    var choice: EngineChoice {
        switch engine {
        case .cpu: .cpu(threads: threads)
        case .reference: .reference
        }
    }
}
