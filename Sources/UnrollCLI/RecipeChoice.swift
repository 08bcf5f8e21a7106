import Foundation
import Unroll
import UnrollRecipes

/// One setting of a recipe, for `unroll train --recipe`.
struct RecipeChoice {
    let recipe: Recipe
    let setting: RecipeSetting

    /// Finds `NAME` or `NAME:SETTING`, where `NAME` may be a file.
    init(_ text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        // A file may have a colon in its name.
        let isWhole = parts.count < 2 || FileManager.default.fileExists(atPath: text)
        recipe = try RecipeCatalog.recipe(isWhole ? text : parts[0])
        setting = try recipe.setting(named: isWhole ? nil : parts[1])
    }

    /// A trainer that does as the setting says, with a seed of one's own or the recipe's first.
    func trainer(
        on corpus: Corpus, epochs: Int?, seed: UInt64?, engine: EngineChoice, origin: CorpusOrigin
    ) throws -> Trainer {
        guard setting.training.level != .scratch else {
            throw Failure(
                "recipe '\(recipe.name)' trains by tensors and leaves no model folder; run it with: unroll recipe run",
                exitCode: Failure.usage)
        }
        var options = setting.options(seed: seed ?? recipe.seeds[0])
        if let epochs { options.epochs = epochs }
        return try Trainer(
            corpus: corpus, model: try setting.configuration(), options: options, engine: engine,
            origin: origin)
    }
}
