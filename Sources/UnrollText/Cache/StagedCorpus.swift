import Foundation
import UnrollBase

/// A text with the cache that was written while it was read, which is not in its place yet.
///
/// A run that is not to be resumed with this text keeps the cache that it has.
package struct StagedCorpus {
    /// The text.
    package let corpus: Corpus
    private let cache: StagedFile?
    private let folder: URL?

    /// Reads a text.
    ///
    /// - Throws: What the initializers of `Corpus` throw.
    package init(_ reading: Corpus.Reading) throws {
        (corpus, cache) = try Corpus.read(reading)
        folder = reading.cache?.folder
    }

    /// A text without a new cache.
    package init(_ corpus: Corpus) {
        (self.corpus, cache, folder) = (corpus, nil, nil)
    }

    /// Puts the cache in place of the one before, if there is a new one.
    ///
    /// - Throws: `FileError` when the cache cannot be written.
    package func putCacheInPlace() throws(FileError) {
        guard let cache, let folder else { return }
        // Those that killed processes have left.
        FileSystem.discardAbandoned(in: folder)
        try cache.putInPlace()
    }
}
