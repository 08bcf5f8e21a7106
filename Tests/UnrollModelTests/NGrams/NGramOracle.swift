import Foundation
import Testing
import UnrollText

/// What another implementation makes of a text; see `Tools/oracles/ngram_vectors.py`.
struct NGramOracle: Decodable {
    struct Model: Decodable {
        let order: Int
        /// Of each held-out token but the first.
        let probabilities: [Double]
    }

    let tokens: TokenKind
    let text: String
    /// Tokens at the end that are held out.
    let heldOut: Int
    let vocabularySize: Int
    let models: [Model]
    let unigramNats: Double

    static let names = ["characters", "words", "short"]

    static func named(_ name: String) throws -> NGramOracle {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Oracles"))
        return try JSONDecoder().decode(NGramOracle.self, from: Data(contentsOf: url))
    }

    /// The part to count and the one to predict.
    func parts() throws -> (training: TokenIDs, heldOut: TokenIDs) {
        let ids = try Corpus(text: text, tokens: tokens).tokens
        return (TokenIDs(ids.dropLast(heldOut)), TokenIDs(ids.suffix(heldOut)))
    }
}
