import Foundation
import UnrollBase

/// The folder that a run saves to.
struct OutputFolder {
    let url: URL
    /// As the user wrote it.
    let name: String

    static let defaultName = "unroll-model"

    /// The caches of large texts, which are written before there is a model.
    var textCache: URL { url.appendingPathComponent(Self.cacheNames[0]) }
    var validationCache: URL { url.appendingPathComponent(Self.cacheNames[1]) }
    var testCache: URL { url.appendingPathComponent(Self.cacheNames[2]) }

    private static let cacheNames = ["tokens.cache", "validation.cache", "test.cache"]

    /// Takes the values of `--output` and of `--resume`, which wins; a new run needs a new or empty folder.
    ///
    /// A folder with nothing but caches counts as empty: a run that ended before it began has left them, and they save
    /// the next the reading.
    init(output: String?, resume: String?) throws {
        name = resume ?? output ?? Self.nextFreeName()
        url = URL(fileURLWithPath: name, isDirectory: true)
        if resume == nil, !Self.isFree(name) {
            throw Failure(
                "\(name): exists already; choose another --output, go on with --resume \(name), or remove it first"
            )
        }
    }

    private static func isFree(_ name: String) -> Bool {
        guard FileManager.default.fileExists(atPath: name) else { return true }
        guard let contents = try? FileManager.default.contentsOfDirectory(atPath: name) else { return false }
        return contents.allSatisfy { file in
            // A killed run may have left an unfinished cache under a temporary name.
            cacheNames.contains(file) || FileSystem.isTemporary(file)
        }
    }

    private static func nextFreeName() -> String {
        var (name, number) = (defaultName, 1)
        while !isFree(name) {
            number += 1
            name = "\(defaultName)-\(number)"
        }
        return name
    }
}
