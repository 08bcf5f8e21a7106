import Foundation
import Testing
import UnrollRecipes
import UnrollText
import UnrollTraining

/// A recipe of a fraction of a second, and its text.
enum TestRecipe {
    static let json = """
        {
          "title": "A trial", "source": "nowhere", "about": "Small.",
          "corpus": {"text": "sample", "preprocessing": "letters", "tokens": "characters", "limit": 400},
          "model": {"cell": "tanh", "hiddenSize": 8, "hasSingleBias": true},
          "training": {
            "epochs": 4, "batchSize": 4, "sequenceLength": 5, "optimizer": {"learningRate": 0.5},
            "maxRecoveries": 0
          },
          "seeds": [1, 2, 3]
        }
        """

    /// The recipe with members of the top level put in or replaced.
    static func recipe(_ changes: String = "{}") throws -> Recipe {
        try Recipe(jsonData: try document(changes), name: "trial")
    }

    static func document(_ changes: String) throws -> Data {
        func object(_ text: String) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        }
        let merged = try object(json).merging(try object(changes)) { $1 }
        return try JSONSerialization.data(withJSONObject: merged)
    }

    static func corpus(_ setting: RecipeSetting) throws -> Corpus {
        try Corpus(
            bytes: SampleText.utf8, name: "sample", preprocessing: setting.corpus.preprocessing,
            tokens: setting.corpus.tokens, limit: setting.corpus.limit)
    }

    /// What comes of the recipe with some changes.
    static func result(_ changes: String = "{}") async throws -> RecipeResult {
        try await RecipeRunner(try recipe(changes), engine: .cpu(threads: 1)).run { try corpus($0) }
    }

    /// Expects an error of one line that contains the texts.
    static func expectError(
        _ changes: String, naming texts: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: RecipeError.self, sourceLocation: sourceLocation) { try recipe(changes) }
        let description = error?.description ?? ""
        #expect(!description.contains("\n"), sourceLocation: sourceLocation)
        for text in ["'trial'"] + texts {
            #expect(description.contains(text), "\(description)", sourceLocation: sourceLocation)
        }
    }
}
