import Foundation
import Unroll
import UnrollDatasets
import UnrollRecipes

/// The text of a setting of a recipe, or another one in its place.
struct RecipeText {
    private let recipe: Recipe
    private let setting: RecipeSetting
    private let otherText: String?

    init(_ recipe: Recipe, _ setting: RecipeSetting, _ otherText: String?) {
        self.recipe = recipe
        self.setting = setting
        self.otherText = otherText
    }

    /// Where the text is and how it is read.
    var origin: CorpusOrigin {
        if let otherText { return setting.corpus.origin(otherText: otherText) }
        let text = setting.corpus.text
        let isKnown =
            text == CorpusReader.bundledStory
            || DatasetCatalog.standard.datasets.contains { $0.name == text }
        guard !isKnown, let folder = recipe.folder else { return setting.corpus.origin() }
        return setting.corpus.origin(otherText: URL(filePath: text, relativeTo: folder).path)
    }

    /// Reads the text and checks that it is the one that the recipe is about.
    func corpus() async throws -> Corpus {
        let origin = origin
        if otherText == nil, let expected = setting.corpus.sha256 {
            let file = try await CorpusReader.file(origin.sources[0])
            // A file that cannot be read is an error with more to say when the text is read.
            if let text = try? Data(contentsOf: file), case let found = Checksum.sha256(text),
                found != expected
            {
                throw RecipeError.otherText(
                    recipe: recipe.name, file: file.path, expected: expected, found: found)
            }
        }
        return try await CorpusReader.read(origin)
    }
}
