import ArgumentParser
import Foundation
import Unroll

/// Which text, and how it is read.
struct CorpusOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A path, - for standard input, or a name from 'unroll corpus list' (default: the bundled story)."
        ),
        completion: .file())
    var corpus: String?

    @Option(help: "What happens to the text first.")
    var preprocess: Preprocessing = .none

    @Option(help: "What one token is.")
    var tokens: TokenKind = .characters

    @Option(parsing: .unconditional, help: "Tokens that occur less often are unknown to the model.")
    var minimumFrequency = 1

    @Option(
        parsing: .unconditional,
        help:
            "Use only the first N tokens (default: all; 12000 of the bundled story, to learn it in seconds).")
    var limit: Int?

    /// As many characters as the book takes of its novel, in round numbers.
    private static let bundledStoryLimit = 12_000

    var isBundledStory: Bool { corpus == nil }

    /// How to find and read this text again.
    var origin: CorpusOrigin {
        let source =
            switch corpus {
            case nil: CorpusReader.bundledStory
            case let path? where FileManager.default.fileExists(atPath: path):
                URL(fileURLWithPath: path).standardizedFileURL.path
            case let name?: name
            }
        return CorpusOrigin(
            source: source, preprocessing: preprocess, tokens: tokens, minimumFrequency: minimumFrequency,
            limit: limit ?? (isBundledStory && tokens != .words ? Self.bundledStoryLimit : nil))
    }

    /// Another place of a text that is read as it was before.
    func origin(like earlier: CorpusOrigin?) -> CorpusOrigin {
        var origin = earlier ?? origin
        origin.source = self.origin.source
        return origin
    }
}
