import ArgumentParser
import Foundation
import Unroll

/// Which text, and how it is read.
struct CorpusOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            """
            Files and folders, which are read as one text, - for standard input, or a name from 'unroll corpus list' \
            (default: the bundled story).
            """
        ),
        completion: .file(), transform: InputPath.init)
    var corpus: [InputPath] = []

    @Option(help: "What happens to the text first (default: none).")
    var preprocess: Preprocessing?

    @Option(help: TokenChoice.help)
    var tokens: TokenChoice?

    @Option(
        parsing: .unconditional, help: "Tokens that occur less often are unknown to the model (default: 1).")
    var minimumFrequency: Int?

    @Option(
        parsing: .unconditional,
        help:
            "Use only the first N tokens (default: all; 12000 of the bundled story).")
    var limit: Int?

    @Option(
        parsing: .unconditional,
        help: "The share of the text, at its very end, to test on once the run is over, such as 0.05.")
    var test: Double?

    @Option(
        help: "A file or folder to validate on, instead of --validation.", completion: .file(),
        transform: StoredTextPath.init)
    var validationFile: StoredTextPath?

    @Option(
        help: "A file or folder to test on, instead of --test.", completion: .file(),
        transform: StoredTextPath.init)
    var testFile: StoredTextPath?

    /// As many characters as the book takes of its novel, in round numbers.
    private static let bundledStoryLimit = 12_000

    var isBundledStory: Bool { corpus.isEmpty }

    func validate() throws {
        let others = [CorpusReader.standardInput, CorpusReader.bundledStory]
        if corpus.count > 1, let other = corpus.first(where: { others.contains($0.argument) }) {
            throw ValidationError(
                "'\(other.argument)' cannot be read together with other texts; give it alone")
        }
        if test != nil, testFile != nil {
            throw ValidationError(
                "--test and --test-file say different texts to test on; leave out one of them")
        }
    }

    /// How to find and read this text again.
    var origin: CorpusOrigin {
        var origin = CorpusOrigin(
            sources: isBundledStory ? [CorpusReader.bundledStory] : corpus.map { Self.place($0.argument) },
            preprocessing: .none, tokens: .characters, minimumFrequency: 1,
            limit: isBundledStory && tokens?.kind != .words ? Self.bundledStoryLimit : nil,
            validationSource: validationFile.map { Self.place($0.argument) },
            testSource: testFile.map { Self.place($0.argument) })
        apply(to: &origin)
        return origin
    }

    /// Fills in how the text is read.
    func apply(to origin: inout CorpusOrigin) {
        if let preprocess { origin.preprocessing = preprocess }
        if let tokens {
            origin.tokens = tokens.kind
            origin.vocabularySize = tokens.vocabularySize
        }
        if let minimumFrequency { origin.minimumFrequency = minimumFrequency }
        if let limit { origin.limit = limit }
    }

    /// The texts of an earlier run, read as they were, some of them perhaps in another place now; nil if none is known.
    func origin(like earlier: CorpusOrigin?) -> CorpusOrigin? {
        guard var origin = earlier ?? (isBundledStory ? nil : self.origin) else { return nil }
        if !isBundledStory { origin.sources = self.origin.sources }
        origin.validationSource = self.origin.validationSource ?? origin.validationSource
        origin.testSource = self.origin.testSource ?? origin.testSource
        return origin
    }

    /// The whole path of what is there, so that it is found from another folder too; else a name, or - as it is.
    private static func place(_ source: String) -> String {
        source != CorpusReader.standardInput && FileManager.default.fileExists(atPath: source)
            ? URL(fileURLWithPath: source).standardizedFileURL.path : source
    }
}

/// What one token is, and how many subwords there are: `characters`, `bytes`, `words`, `bpe` or `bpe:4096`.
struct TokenChoice: ExpressibleByArgument, Equatable {
    let kind: TokenKind
    /// The number of subwords; nil for that which suits the text, and for other tokens.
    let vocabularySize: Int?

    static let help = ArgumentHelp(
        """
        What one token is (default: characters, or bpe where a plan is for a long text). Of bpe, subwords, there are as \
        many as suit the text, or as bpe:4096 says.
        """)
    static let allValueStrings = TokenKind.allCases.map(\.rawValue) + ["bpe:SIZE"]

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = TokenKind(rawValue: String(parts[0])) else { return nil }
        self.kind = kind
        guard parts.count == 2 else {
            vocabularySize = nil
            return
        }
        guard kind == .subwords, let size = Int(parts[1]) else { return nil }
        vocabularySize = size
    }
}
