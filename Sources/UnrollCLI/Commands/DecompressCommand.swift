import ArgumentParser
import Foundation
import Unroll

struct DecompressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decompress",
        abstract: "Get back what was compressed.",
        usage: "unroll decompress [<model>] <in> <out> [--force] [--threads <threads>]",
        discussion: """
            Examples:
              unroll decompress unroll-model letter.unr letter.txt
              unroll decompress unroll-model log.unr - | grep ERROR
              unroll decompress adaptive.unr letter.txt

            Without a model for what was compressed with --adaptive. What is damaged,
            cut off or of another model is an error, and no file is written then.
            """)

    @Argument(
        help: ArgumentHelp(
            "The model folder, if it was compressed with one, then the file to read and the one to write, - for standard input or output.",
            valueName: "path"), completion: .file())
    var paths: [String]

    @Flag(name: .shortAndLong, help: "Replace a file that is there.")
    var force = false

    @Option(
        parsing: .unconditional,
        help:
            "Threads that compute (default: all processors, 1 where it learns). They do not change the result."
    )
    var threads: Int?

    func validate() throws {
        guard (2...3).contains(paths.count) else {
            throw ValidationError(
                "a model, the file to read and the one to write are needed, or the files alone; \(paths.count) paths were given"
            )
        }
    }

    func run() async throws {
        let (paths, force, threads) = (paths, force, threads)
        try await Interruption.cancelling {
            let input = try ByteInput(paths[paths.count - 2])
            let output = try ByteOutput(
                paths[paths.count - 1], reading: input, force: force, isText: true)
            let model =
                paths.count == 3
                ? try LanguageModel(contentsOf: URL(fileURLWithPath: paths[0], isDirectory: true)) : nil
            let decompressor = Decompressor(model, threads: threads)
            try Conversion(input: input, output: output).run(convert: decompressor.decompress) {
                try decompressor.finish()
                return []
            }
        }
    }
}
