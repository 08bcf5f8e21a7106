import ArgumentParser
import Foundation
import Unroll
import UnrollRecipes

struct RecipeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe",
        abstract: "Repeat the experiments of the book, or your own.",
        discussion: """
            Examples:
              unroll recipe list
              unroll recipe run d2l-scratch-sequential gluon-concise
              unroll recipe run d2l-scratch-sequential --corpus alice.txt
              unroll recipe show d2l-slides > mine.json
              unroll recipe run mine.json --seeds 1
              unroll train --recipe gluon-concise
            """,
        subcommands: [List.self, Show.self, Run.self, Verify.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the recipes that come with the program.")

        @Flag(help: "Write one JSON object a line to standard output.")
        var json = false

        private struct Line: Encodable {
            let recipe: String
            let title: String
            let source: String
        }

        func run() throws {
            let recipes = try RecipeCatalog.names.map { try RecipeCatalog.recipe($0) }
            let width = recipes.map(\.name.count).max() ?? 0
            for recipe in recipes {
                if json {
                    try JSONLine.write(
                        Line(recipe: recipe.name, title: recipe.title, source: recipe.source))
                } else {
                    let name = recipe.name.padding(toLength: width, withPad: " ", startingAt: 0)
                    Standard.output.write("\(name)  \(recipe.title)\n")
                }
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the file of a recipe, to read or to begin one's own with.")

        @Argument(
            help: "A name from 'unroll recipe list', a file, or - for standard input.",
            completion: .list(RecipeCatalog.names), transform: InputPath.init)
        var recipe: InputPath

        func run() throws {
            Standard.output.write(try RecipeCatalog.recipe(recipe).text)
        }
    }

    struct Run: AsyncParsableCommand, Cluster.Member {
        static let configuration = CommandConfiguration(
            abstract: "Train the networks of recipes, and print what came of them as a table.",
            discussion: """
                Perplexities of all epochs are saved as NAME-result.json, and drawn as NAME.svg.
                Processes that mpirun or srun has started share out the networks of a recipe.
                Recipes by tensors compute on the CPU, whatever the engine is.
                """)

        @Argument(
            help: "Names from 'unroll recipe list', files, or - for standard input.",
            completion: .list(RecipeCatalog.names), transform: InputPath.init)
        var recipes: [InputPath]

        @OptionGroup
        var options: RecipeOptions

        @Option(
            parsing: .unconditional,
            help: "Seeds in place of the recipe's, separated by commas.", transform: Self.seeds)
        var seeds: [UInt64]?

        @Option(
            parsing: .unconditional,
            help: "Passes over the text, in place of the recipe's; nothing is expected of them.")
        var epochs: Int?

        @Option(
            help:
                "A text in place of the recipe's; nothing is expected of it. A path, or a name from 'unroll corpus list'.",
            completion: .file(), transform: StoredTextPath.init)
        var corpus: StoredTextPath?

        func validate() throws {
            if let epochs, epochs < 1 {
                throw ValidationError("--epochs is \(epochs) but must be at least 1")
            }
            try InputPath.check(recipes)
        }

        func run() async throws {
            let recipes = try recipes.map { name in
                try options.form(of: try RecipeCatalog.recipe(name))
                    .changed(seeds: seeds, epochs: epochs, isOfAnotherText: corpus != nil)
            }
            try Cluster.join()
            let session = try options.session(recipes, otherText: corpus?.argument)
            let results = try await session.run()
            try Cluster.leave()
            if !options.json { Standard.output.write(session.report(results)) }
        }

        private static func seeds(_ text: String) throws -> [UInt64] {
            try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
                guard let seed = UInt64(word) else {
                    throw ValidationError(
                        "--seeds is '\(text)' but must be whole numbers with commas between")
                }
                return seed
            }
        }
    }

    struct Verify: AsyncParsableCommand, Cluster.Member {
        static let configuration = CommandConfiguration(
            abstract: "Run recipes and fail if one does not come to what it expects.",
            discussion: "Without names: all recipes that expect something.")

        @Argument(
            help: "Names from 'unroll recipe list', files, or - for standard input.",
            completion: .list(RecipeCatalog.names), transform: InputPath.init)
        var recipes: [InputPath] = []

        @OptionGroup
        var options: RecipeOptions

        func validate() throws {
            try InputPath.check(recipes)
        }

        func run() async throws {
            let all =
                try recipes.isEmpty
                ? RecipeCatalog.names.map { try options.form(of: RecipeCatalog.recipe($0)) }
                : recipes.map { try options.form(of: RecipeCatalog.recipe($0)) }
            let expecting = all.filter { !$0.expected.isEmpty }
            if let idle = all.first(where: { $0.expected.isEmpty }), !recipes.isEmpty {
                throw Failure(
                    "recipe '\(idle.name)' expects nothing that could be verified; see: unroll recipe run")
            }
            try Cluster.join()
            let session = try options.session(expecting, otherText: nil)
            let results = try await session.run()
            try Cluster.leave()
            if !options.json { Standard.output.write(session.report(results)) }
            let failed = results.filter { !$0.isAsExpected }.map(\.recipe)
            guard failed.isEmpty else {
                throw Failure(
                    "\(failed.count) of \(results.count) recipes did not come to what they expect: \(failed.joined(separator: ", "))"
                )
            }
        }
    }
}

/// How recipes are run.
struct RecipeOptions: ParsableArguments {
    @Flag(help: "Run the short form of each recipe, a matter of seconds.")
    var reduced = false

    @Option(
        help:
            "The folder for results and plots (default: unroll-recipes; with --reduced, unroll-recipes-reduced).",
        completion: .directory, transform: FolderPath.init)
    var output: FolderPath?

    @OptionGroup
    var engine: TrainingEngineOptions

    @Flag(help: "Write what came of each recipe as one JSON object a line to standard output.")
    var json = false

    func validate() throws {
        if let threads = engine.threads, threads < 1 {
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

    func session(_ recipes: [Recipe], otherText: String?) throws -> RecipeSession {
        let settings = recipes.flatMap(\.settings)
        let given = [("--engine", engine.given != nil), ("--threads", engine.threads != nil)]
        if let flag = given.first(where: \.1)?.0, settings.allSatisfy({ $0.engine == .tensors }) {
            throw Failure(
                "\(flag) has no say in recipes by tensors, as all of these are; leave it out",
                exitCode: Failure.usage)
        }
        return RecipeSession(
            recipes: recipes,
            folder: URL(
                filePath: output?.argument ?? (reduced ? "unroll-recipes-reduced" : "unroll-recipes"),
                directoryHint: .isDirectory),
            otherText: otherText,
            engine: engine.kind, isJSON: json)
    }
}
