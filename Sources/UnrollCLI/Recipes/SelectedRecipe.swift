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
        return try await CorpusReader.read(origin).corpus
    }
}

extension RecipeCatalog {
    /// The recipe of a name, in a file, or on standard input, where it is called `stdin`.
    static func recipe(_ path: InputPath) throws -> Recipe {
        guard path.isStandardInput else { return try recipe(path.argument) }
        // Paths in it are relative to the folder of the command, as other paths that are typed.
        return try Recipe(
            jsonData: try CorpusReader.standardInputBytes(), name: "stdin",
            folder: URL(filePath: ".", directoryHint: .isDirectory))
    }
}

/// One setting of a recipe, for `unroll train --recipe`.
struct SelectedRecipe {
    let recipe: Recipe
    let setting: RecipeSetting

    /// Finds `NAME` or `NAME:SETTING`, where `NAME` may be a file, or - for standard input.
    init(_ path: InputPath) throws {
        let text = path.argument
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        // A file may have a colon in its name.
        let isWhole = parts.count < 2 || FileManager.default.fileExists(atPath: text)
        recipe = try RecipeCatalog.recipe(InputPath(isWhole ? text : parts[0]))
        setting = try recipe.setting(named: isWhole ? nil : parts[1])
    }

    /// The options of the setting, with epochs and a seed of one's own or the recipe's first.
    func options(epochs: Int?, seed: UInt64?) throws -> TrainingOptions {
        guard setting.engine != .tensors else {
            throw Failure(
                "recipe '\(recipe.name)' trains with tensors and leaves no model folder; run it with: unroll recipe run",
                exitCode: Failure.usage)
        }
        var options = setting.options(seed: seed ?? recipe.seeds[0])
        if let epochs { options.epochs = epochs }
        return options
    }
}
