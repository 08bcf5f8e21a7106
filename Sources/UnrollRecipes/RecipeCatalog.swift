import Foundation
import RecipeFiles
import UnrollBase

/// The recipes that come with Unroll, and those in files.
package enum RecipeCatalog {
    /// The names of the recipes that come with Unroll, in the order of `Recipes/README.md`.
    package static var names: [String] { RecipeFiles.all.map(\.name) }

    /// The recipe of a name, or in a file.
    ///
    /// - Parameter name: A name of `names`, or the path of a JSON file.
    /// - Returns: The recipe.
    /// - Throws: `RecipeError`: `unknownRecipe`, `unreadable`, `invalid` or `unknownKey`.
    package static func recipe(_ name: String) throws(RecipeError) -> Recipe {
        if let file = RecipeFiles.all.first(where: { $0.name == name }) {
            return try Recipe(jsonData: Data(file.json), name: name)
        }
        guard FileManager.default.fileExists(atPath: name) else {
            throw .unknownRecipe(name: name, suggestion: Suggestion.likeliest(for: name, among: names))
        }
        let url = URL(filePath: name)
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw .unreadable(file: name, reason: SystemError.reason(of: error))
        }
        return try Recipe(
            jsonData: data, name: url.deletingPathExtension().lastPathComponent,
            folder: url.deletingLastPathComponent())
    }
}
