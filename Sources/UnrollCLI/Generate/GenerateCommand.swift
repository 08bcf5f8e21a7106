import ArgumentParser
import Foundation
import Unroll
import UnrollBase
import UnrollGeneration

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Continue a prompt with a trained model.",
        discussion: """
            Examples:
              unroll generate unroll-model --prompt "The ferry" --length 300
              unroll generate unroll-model --prompt "time traveller" --greedy
              unroll generate unroll-model --prompt "In the " --temperature 0.6 --seed 7
              unroll generate unroll-model --prompt "In the " --min-p 0.05 --stop "."
              unroll generate unroll-model --prompt "The " --samples 20 --stop "\\n"
              unroll generate unroll-model --prompt "The ferr" --complete 5
              head -c 400 notes.txt | unroll generate unroll-model --prompt-file -

            Prints the prompt and the continuation, and nothing else, to standard output;
            several samples with a line of --- between them. With --json an object a line
            follows another: pieces of the continuation and how it went; samples; what beam
            search has found, best first; completions.
            """)

    @Argument(help: "A model folder.", completion: .directory, transform: FolderPath.init)
    var model: FolderPath

    @OptionGroup
    var prompt: PromptOptions

    @Option(parsing: .unconditional, help: "Tokens to generate at most (default: 200).")
    var length: Int?

    @OptionGroup
    var sampling: SamplingFlags

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Never choose this token; may be repeated.", valueName: "token"))
    var ban: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("End before this text; may be repeated.", valueName: "text"))
    var stop: [String] = []

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Generate N continuations at once.", valueName: "n"))
    var samples: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Look for the most probable continuation with a beam of N.", valueName: "n"))
    var beam: Int?

    @Option(
        parsing: .unconditional,
        help: "With --beam: compare by log p / n^X; 0 favors short continuations (default: 1).")
    var lengthPenalty: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            Print the N most probable ends of the word that the prompt breaks off in, with probabilities before them.
            """, valueName: "n"))
    var complete: Int?

    @Flag(help: "Pick the next token from a list, again and again, until you quit.")
    var interactive = false

    @Flag(help: "Write one JSON object a line to standard output.")
    var json = false

    @OptionGroup
    var engine: ModelEngineOptions

    func validate() throws {
        try validateCombination()
        let options = try options()
        try Failure.asUsage {
            try options.check()
            try options.checkEffects()
        }
        if beam != nil {
            let options = try beamOptions()
            try Failure.asUsage { try options.check() }
        }
        for (flag, value) in [("--samples", samples), ("--complete", complete)] {
            if let value, value < 1 { throw ValidationError("\(flag) is \(value) but must be at least 1") }
        }
    }

    func run() async throws {
        let folder = model
        let model = try engine.model(in: folder)
        ModelNote.say(of: model, in: folder.argument)
        let prompt = try prompt.text()
        let known = complete == nil ? prompt : wholeWords(of: prompt, model)
        UnknownTokens.note(model.vocabulary.encode(prompt: known).unknownTokens)
        if let samples {
            let texts = try await model.generateSamples(
                after: prompt, count: samples, options: options(), threads: engine.threads)
            try write(texts, after: prompt)
        } else if beam != nil {
            try write(
                model.beamSearch(after: prompt, options: beamOptions(), threads: engine.threads),
                after: prompt)
        } else if let complete {
            try write(
                model.complete(
                    prompt, count: complete, precision: engine.precision, threads: engine.threads))
        } else if interactive {
            let guided = try GuidedText(model, after: prompt, options: options(), threads: engine.threads)
            var session = InteractiveSession(
                guided, prompt: prompt, readsEscapes: !self.prompt.escapes.noEscape)
            try session.run()
        } else {
            try await write(
                model.generate(after: prompt, options: options(), threads: engine.threads), after: prompt)
        }
    }

    /// The prompt without the half-typed word at its end, where words are tokens.
    private func wholeWords(of prompt: String, _ model: LanguageModel) -> String {
        guard model.vocabulary.kind == .words else { return prompt }
        return String(prompt[..<(prompt.lastIndex(where: \.isWhitespace) ?? prompt.startIndex)])
    }

    private func options() throws -> TextGenerationOptions {
        var options = TextGenerationOptions(precision: engine.precision)
        if let length { options.length = length }
        sampling.apply(to: &options)
        options.bannedTokens = try bannedTokens
        options.stopStrings = try stopStrings
        return options
    }

    private func beamOptions() throws -> BeamSearchOptions {
        var options = BeamSearchOptions(precision: engine.precision)
        if let beam { options.width = beam }
        if let length { options.length = length }
        if let lengthPenalty { options.lengthPenalty = lengthPenalty }
        options.bannedTokens = try bannedTokens
        options.stopStrings = try stopStrings
        return options
    }

    private var bannedTokens: Set<String> {
        get throws { Set(try ban.map { try prompt.escapes.decoded($0, of: "--ban") }) }
    }

    private var stopStrings: [String] {
        get throws { try stop.map { try prompt.escapes.decoded($0, of: "--stop") } }
    }
}

/// Which flags of `unroll generate` contradict each other.
extension GenerateCommand {
    func validateCombination() throws {
        let modes = [
            ("--samples", samples != nil), ("--beam", beam != nil), ("--complete", complete != nil),
            ("--interactive", interactive),
        ].filter(\.1).map(\.0)
        guard modes.count <= 1 else {
            throw ValidationError("\(modes.joined(separator: " and ")) exclude each other; give one")
        }
        if prompt.escapes.noEscape, prompt.prompt == nil, stop.isEmpty, ban.isEmpty, !interactive {
            throw ValidationError("--no-escape is about --prompt, --stop and --ban; leave it out")
        }
        if lengthPenalty != nil, beam == nil { throw ValidationError("--length-penalty needs --beam") }
        if samples != nil, sampling.greedy {
            throw ValidationError("--samples with --greedy gives one text many times; leave out one of them")
        }
        if interactive, prompt.promptFile?.isStandardInput == true {
            throw ValidationError(
                "--interactive reads standard input; give the prompt in a file or with --prompt")
        }
        if let mode = modes.first, let flag = given.first(where: withoutSay(in: mode).contains) {
            throw ValidationError("\(flag) has no say with \(mode); leave out one of them")
        }
        if stop.contains("") { throw ValidationError("--stop is empty; give a text to end before") }
    }

    /// The flags that were given and concern some ways to generate only.
    private var given: [String] {
        let flags = [
            ("--length", length != nil), ("--stop", !stop.isEmpty), ("--ban", !ban.isEmpty), ("--json", json),
        ]
        return sampling.given + flags.filter(\.1).map(\.0)
    }

    private func withoutSay(in mode: String) -> Set<String> {
        let choosing: Set = [
            "--greedy", "--temperature", "--alpha", "--top-k", "--top-p", "--min-p", "--repetition-penalty",
            "--repetition-window", "--presence-penalty", "--frequency-penalty", "--seed",
        ]
        return switch mode {
        case "--beam": choosing
        case "--complete": choosing.union(["--length", "--stop", "--ban"])
        case "--interactive": ["--greedy", "--seed", "--length", "--stop", "--json"]
        default: []
        }
    }
}
