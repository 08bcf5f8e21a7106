import ArgumentParser
import Unroll

/// What computes.
struct EngineOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case cpu
        case reference
    }

    @Option(help: "What computes: cpu, or reference (slow, in double precision).")
    var engine: Name = .cpu

    @Option(
        parsing: .unconditional,
        help: "Threads that compute (default: all processors). They do not change the result.")
    var threads: Int?

    var choice: EngineChoice {
        switch engine {
        case .cpu: .cpu(threads: threads)
        case .reference: .reference
        }
    }
}
