import ArgumentParser
import UnrollBase

/// The command that the arguments of the program name, and what it can be given.
enum RunningCommand {
    /// The words that name it, such as `unroll corpus list`.
    static var name: String { found.path.joined(separator: " ") }

    /// The names of its long options.
    static let flags: Set<String> = {
        let help = UnrollCommand.helpMessage(for: found.type, includeHidden: true, columns: 1_000)
        let heads = help.split(separator: "\n").filter { $0.hasPrefix("  -") }.compactMap { line in
            // Two spaces separate the names from what they are for.
            line.dropFirst(2).split(separator: "  ").first
        }
        return Set(
            heads.flatMap { $0.split { " ,/".contains($0) } }.filter { $0.hasPrefix("--") }.map(String.init))
    }()

    /// Whether each option that an advice names is one of the command.
    static func canFollow(_ advice: some StringProtocol) -> Bool {
        advice.split(separator: " ").filter { $0.hasPrefix("--") }.allSatisfy { flags.contains(String($0)) }
    }

    /// What is wrong if a word stands where the name of a command does.
    static var unknownCommand: String? {
        guard let word = found.unknown else { return nil }
        let known = found.type.configuration.subcommands.map { $0._commandName }
        let suggestion = Suggestion.likeliest(for: word, among: known)
        return "'\(word)' is not a command of '\(name)'; "
            + (suggestion.map { "did you mean '\($0)'?" } ?? "see --help")
    }

    /// What is wrong with an option that the command does not have.
    static func unknown(_ option: String) -> String {
        let suggestion = Suggestion.likeliest(
            for: String(option.dropFirst(2)),
            among: flags.subtracting(["--help", "--version"]).sorted().map { String($0.dropFirst(2)) })
        return "'\(option)' is not an option of '\(name)'; "
            + (suggestion.map { "did you mean '--\($0)'?" } ?? "see --help")
    }

    private static let found = {
        var type: any ParsableCommand.Type = UnrollCommand.self
        var path = [type._commandName]
        for word in CommandLine.arguments.dropFirst() {
            let subcommands = type.configuration.subcommands
            guard let next = subcommands.first(where: { $0._commandName == word }) else {
                let isName = !subcommands.isEmpty && !word.hasPrefix("-") && word != "help"
                return (type: type, path: path, unknown: isName ? word : nil)
            }
            type = next
            path.append(word)
        }
        return (type: type, path: path, unknown: nil)
    }()
}
