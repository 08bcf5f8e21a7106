import Foundation
import Testing

/// What Hugging Face's `tokenizers` made of the bundled story and of hard texts.
struct BytePairVectors: Decodable {
    /// The merges of one text, and the ids of all by them.
    struct Training: Decodable {
        let size: Int
        let merges: [[Int32]]
        /// The ids of each of the hard texts.
        let ids: [[Int32]]
        /// The ids of the first 5,000 bytes of the story.
        let story: [Int32]
    }

    let texts: [String]
    let ofStory: Training
    let ofTexts: Training

    init() throws {
        let url = try #require(
            Bundle.module.url(forResource: "bpe", withExtension: "json", subdirectory: "Oracles"))
        self = try JSONDecoder().decode(Self.self, from: try Data(contentsOf: url))
    }
}
