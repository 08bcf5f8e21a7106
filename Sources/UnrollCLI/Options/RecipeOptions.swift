import ArgumentParser
import Foundation
import Unroll
import UnrollRecipes

/// How recipes are run.
struct RecipeOptions: ParsableArguments {
    @Flag(help: "Run the short form of each recipe, a matter of seconds.")
    var reduced = false

    @Option(
        help:
            "The folder for results and plots (default: unroll-recipes; with --reduced, unroll-recipes-reduced).",
        completion: .directory)
    var output: String?

    @Option(
        parsing: .unconditional,
        help: "Threads that compute, but for recipes by tensors (default: all processors).")
    var threads: Int?

    @Flag(help: "Write what came of each recipe as one JSON object a line to standard output.")
    var json = false

    func validate() throws {
        if output?.isEmpty == true { throw ValidationError("--output is empty; name a folder") }
        if let threads, threads < 1 {
            throw ValidationError("--threads is \(threads) but must be at least 1")
        }
    }

    /// The recipe, or its short form.
    func form(of recipe: Recipe) throws -> Recipe {
        guard reduced else { return recipe }
        guard let short = try recipe.reduced() else {
            throw Failure("recipe '\(recipe.name)' has no short form; leave out --reduced")
        }
        return short
    }

    func session(_ recipes: [Recipe], otherText: String?) -> RecipeSession {
        RecipeSession(
            recipes: recipes,
            folder: URL(
                filePath: output ?? (reduced ? "unroll-recipes-reduced" : "unroll-recipes"),
                directoryHint: .isDirectory),
            otherText: otherText,
            threads: threads, isJSON: json)
    }
}
