import ArgumentParser
import Foundation
import Unroll

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Continue a prompt with a trained model.",
        discussion: """
            Examples:
              unroll generate unroll-model --prompt "The ferry" --length 300
              unroll generate unroll-model --prompt "time traveller" --greedy
              unroll generate unroll-model --prompt "In the morning " --temperature 0.6 --seed 7

            Prints the prompt and the continuation, and nothing else, to standard output.
            """)

    @Argument(help: "A model folder.", completion: .directory)
    var model: String

    @Option(parsing: .unconditional, help: "What the model reads first.")
    var prompt: String

    @Option(parsing: .unconditional, help: "Tokens to generate.")
    var length = 200

    @Flag(help: "Always take the most probable token.")
    var greedy = false

    @Option(
        parsing: .unconditional,
        help: "Sample from softmax(logits / X): below 1 more careful, above 1 more daring (default: 1).")
    var temperature: Double?

    @Option(parsing: .unconditional, help: "Sample with probabilities proportional to p^X.")
    var alpha: Double?

    @Option(parsing: .unconditional, help: "The same seed gives the same text.")
    var seed: UInt64 = 0

    @OptionGroup
    var products: PrecisionOptions

    @Option(parsing: .unconditional, help: "Threads that compute (default: all processors).")
    var threads: Int?

    func validate() throws {
        guard [greedy, temperature != nil, alpha != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("--greedy, --temperature and --alpha exclude each other; give one")
        }
        if length < 0 { throw ValidationError("--length is \(length) but must not be negative") }
        for (name, value) in [("--temperature", temperature), ("--alpha", alpha)] {
            if let value, !(value > 0 && value.isFinite) {
                throw ValidationError("\(name) is \(value) but must be a positive number; or use --greedy")
            }
        }
    }

    func run() async throws {
        let model = try LanguageModel(contentsOf: URL(fileURLWithPath: model, isDirectory: true))
        let unknown = model.vocabulary.encode(prompt).unknownTokens
        if !unknown.isEmpty {
            let list = unknown.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
            let more = unknown.count > 10 ? " and \(unknown.count - 10) more" : ""
            Standard.error.write("note: the model has never seen \(list)\(more); read as unknown\n")
        }
        let strategy: SamplingStrategy =
            if greedy {
                .greedy
            } else if let alpha {
                .alpha(alpha)
            } else {
                .temperature(temperature ?? 1)
            }
        let options = GenerationOptions(
            length: length, strategy: strategy, seed: seed, precision: products.precision)
        var isFirst = true
        for try await piece in model.generate(after: prompt, options: options, threads: threads) {
            // Nothing is printed before the model has read the prompt, so that an error is all there is.
            Standard.output.write(isFirst ? prompt + piece.text : piece.text)
            isFirst = false
        }
        Standard.output.write("\n")
    }
}
