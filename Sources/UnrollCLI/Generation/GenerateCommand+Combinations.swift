import ArgumentParser

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
        if lengthPenalty != nil, beam == nil { throw ValidationError("--length-penalty needs --beam") }
        if samples != nil, sampling.greedy {
            throw ValidationError("--samples with --greedy gives one text many times; leave out one of them")
        }
        if interactive, prompt.promptFile == CorpusReader.standardInput {
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
            "--repetition-window", "--seed",
        ]
        return switch mode {
        case "--beam": choosing
        case "--complete": choosing.union(["--length", "--stop", "--ban"])
        case "--interactive": ["--greedy", "--seed", "--length", "--stop", "--json"]
        default: []
        }
    }
}
