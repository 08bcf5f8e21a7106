import Foundation
import Unroll

/// The texts of a run: what trains and, where they are texts of their own, what validates and what is tested on.
struct RunTexts {
    let corpus: Corpus
    let validation: Corpus?
    let test: Corpus?

    /// Reads the texts; large ones are kept in caches in the folder of the run, if there is to be one.
    init(_ origin: CorpusOrigin, in folder: OutputFolder?) async throws {
        func heldOut(_ source: String?, _ vocabulary: Vocabulary, _ cache: URL?) async throws -> Corpus? {
            guard let source else { return nil }
            let text = try await CorpusReader.read(source, with: vocabulary, cache: cache)
            if text.unknownCount > 0 {
                Standard.error.write(
                    "note: \(text.unknownCount) of \(text.tokens.count) tokens of \(text.name) are unknown to the model\n"
                )
            }
            return text
        }
        corpus = try await CorpusReader.read(origin, cache: folder?.textCache)
        validation = try await heldOut(origin.validationSource, corpus.vocabulary, folder?.validationCache)
        test = try await heldOut(origin.testSource, corpus.vocabulary, folder?.testCache)
    }
}
