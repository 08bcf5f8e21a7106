import ArgumentParser
import Foundation
import Unroll

struct CompressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress",
        abstract: "Make a file small by what a model knows of its language.",
        usage: """
            unroll compress <model> <in> <out> [--force] [--precision <precision>] [--threads <threads>]
            unroll compress --adaptive <in> <out> [--force] [--threads <threads>]
            """,
        discussion: """
            Examples:
              unroll compress unroll-model letter.txt letter.unr
              unroll compress --adaptive letter.txt letter.unr
              cat server.log | unroll compress log-model - - > log.unr

            Any bytes are kept in every bit. The same model is needed to get them
            back, on a machine of the same kind, or on any in int8; with --adaptive
            no model is, for the network learns while it compresses. A file that is
            written has the permissions and the time of the one that is read.
            """)

    @Argument(
        help: ArgumentHelp(
            "The model folder (not with --adaptive), the file to read and the one to write; - is standard input or output.",
            valueName: "path"), completion: .file())
    var paths: [String]

    @Flag(help: "Learn while compressing; needs no model.")
    var adaptive = false

    @Flag(name: .shortAndLong, help: "Replace a file that is there; write to a terminal.")
    var force = false

    @OptionGroup
    var products: PrecisionOptions

    @Option(
        parsing: .unconditional,
        help:
            "Threads that compute (default: all processors, 1 where it learns). They do not change the result."
    )
    var threads: Int?

    private var places: ConversionPaths { get throws { try ConversionPaths(paths) } }

    func validate() throws {
        guard paths.count == (adaptive ? 2 : 3) else {
            throw ValidationError(
                adaptive
                    ? "--adaptive takes the file to read and the one to write, and no model; \(paths.count) paths were given"
                    : "a model, the file to read and the one to write are needed; \(paths.count) paths were given"
            )
        }
        if adaptive, let precision = products.given, precision != .float32 {
            throw ValidationError("--adaptive computes in float32; leave out --precision \(precision)")
        }
        _ = try places
    }

    func run() async throws {
        let places = try places
        let input = try ByteInput(places.input)
        let output = try ByteOutput(places.output, reading: input, force: force, isText: false)
        let compressor: Compressor
        if let model = places.model {
            compressor = try Compressor(
                LanguageModel(contentsOf: model.url), precision: products.given, threads: threads,
                byteCount: input.byteCount)
        } else {
            compressor = .adaptive(threads: threads, byteCount: input.byteCount)
        }
        try Conversion(input: input, output: output).run(
            convert: compressor.compress, finish: compressor.finish)
    }
}

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

    private var places: ConversionPaths { get throws { try ConversionPaths(paths) } }

    func validate() throws {
        guard (2...3).contains(paths.count) else {
            throw ValidationError(
                "a model, the file to read and the one to write are needed, or the files alone; \(paths.count) paths were given"
            )
        }
        _ = try places
    }

    func run() async throws {
        let places = try places
        let input = try ByteInput(places.input)
        let output = try ByteOutput(places.output, reading: input, force: force, isText: true)
        let model = try places.model.map { try LanguageModel(contentsOf: $0.url) }
        let decompressor = Decompressor(model, threads: threads)
        try Conversion(input: input, output: output).run(convert: decompressor.decompress) {
            try decompressor.finish()
            return []
        }
    }
}

/// The paths of a command that converts a file, by their roles.
private struct ConversionPaths {
    let model: FolderPath?
    let input: InputPath
    let output: OutputPath

    /// Takes two paths, or three.
    init(_ paths: [String]) throws {
        model =
            try paths.count == 3 ? Self.argument("model", paths[0], FolderPath.init) : nil
        input = try Self.argument("in", paths[paths.count - 2], InputPath.init)
        output = try Self.argument("out", paths[paths.count - 1], OutputPath.init)
    }

    /// A path, or an error with the name of the argument in the words of the argument parser.
    private static func argument<Path>(
        _ name: String, _ path: String, _ parse: (String) throws -> Path
    ) throws -> Path {
        do {
            return try parse(path)
        } catch let error as ValidationError {
            throw ValidationError("The value '\(path)' is invalid for '<\(name)>': \(error.message)")
        }
    }
}

/// Turns the bytes of one place into those of another, and shows on a terminal how far it is.
struct Conversion {
    let input: ByteInput
    let output: ByteOutput

    /// Passes all bytes through `convert`, and what `finish` returns behind them.
    func run(convert: (Data) throws -> [UInt8], finish: () throws -> [UInt8]) throws {
        var (read, written) = (0, 0)
        do {
            while let part = try input.next() {
                let bytes = try convert(part)
                try output.write(bytes)
                read += part.count
                written += bytes.count
                Standard.error.showProgress(read, of: input.byteCount ?? 0)
            }
            try output.write(finish())
            try output.finish()
        } catch let error as CompressionError {
            throw Failure("\(input.path): \(error.description)")
        }
        Standard.error.clearProgress()
    }
}
