import ArgumentParser
import Foundation
import UnrollBase

/// The command `unroll`.
struct UnrollCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unroll",
        abstract: "Train a small recurrent language model on your own text, and get text back.",
        discussion: """
            Examples:
              unroll train                          learn from the bundled story
              unroll train notes.txt --epochs 50    learn from a file
              unroll generate unroll-model --prompt "The ferry" --length 300
              unroll evaluate unroll-model other.txt

            Results go to standard output, progress and messages to standard error.
            A path - stands for standard input or output, ./- for a file of that name.
            Exit codes: 0 done, 1 failed, 64 wrong usage; 129, 130 and 143 ended by a hangup,
            Ctrl-C or a polite kill (TERM), after which a run has a checkpoint to resume from.
            """,
        version: "0.2.0",
        subcommands: [
            TrainCommand.self, GenerateCommand.self, EvaluateCommand.self,
            CompressCommand.self, DecompressCommand.self, QuantizeCommand.self, ImportCommand.self,
            ExportCommand.self, InfoCommand.self, ReportCommand.self, CorpusCommand.self, RecipeCommand.self,
            BenchmarkCommand.self, ServeCommand.self,
        ])
}

@main
enum Main {
    static func main() async {
        // Past a limit of the size of files, a write is refused in words instead of ending the process without any.
        ProcessSettings.ignoreFileSizeSignal()
        Interruption.handleSignals()
        do {
            var command = try UnrollCommand.parseAsRoot()
            guard Cluster.isFirst || command is any Cluster.Member else { return }
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let failure = Failure(error)
            Cluster.end(failure, by: error)
            failure.exit()
        }
    }
}
