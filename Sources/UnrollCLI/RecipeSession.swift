import Foundation
import Unroll
import UnrollCharts
import UnrollCorpora
import UnrollRecipes
import UnrollStorage

/// Recipes as the command line runs, shows and saves them.
struct RecipeSession {
    let recipes: [Recipe]
    /// Where results and plots are saved.
    let folder: URL
    /// The text to take in place of the recipes' own; nil for these.
    let otherText: String?
    let threads: Int?
    let isJSON: Bool

    /// Runs the recipes in order, saving each when it is done; returns what came of them.
    ///
    /// Ctrl-C ends the program with code 130 and leaves what is done.
    func run() async throws -> [RecipeResult] {
        // Mistakes are found out now, and not after the first recipe.
        for recipe in recipes {
            for setting in recipe.settings { _ = try await RecipeText(recipe, setting, otherText).corpus() }
        }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure(
                "\(folder.relativePath): cannot be made (\(error.localizedDescription)); choose another --output"
            )
        }
        do {
            return try await Interruption.cancelling {
                var results: [RecipeResult] = []
                for recipe in recipes {
                    let result = try await follow(recipe)
                    try save(result, of: recipe)
                    if isJSON { try JSONLine.write(result) }
                    results.append(result)
                }
                return results
            }
        } catch is CancellationError {
            throw Failure(
                "interrupted; the recipes that are done are in \(folder.relativePath)",
                exitCode: Failure.interrupted)
        }
    }

    private func follow(_ recipe: Recipe) async throws -> RecipeResult {
        var display = ProgressDisplay()
        display.say("\(recipe.name): \(recipe.title)")
        var epochs = 0
        return try await RecipeRunner(recipe, threads: threads).run { setting in
            epochs = setting.training.epochs
            return try await RecipeText(recipe, setting, otherText).corpus()
        } observer: { event in
            switch event {
            case .began(let setting, let seed, let index, let count):
                display.clear()
                let name = setting.isEmpty ? "" : "\(setting), "
                display = ProgressDisplay(label: "\(name)seed \(seed) (\(index)/\(count))  ")
            case .training(.progress(let progress)):
                display.show(progress)
            case .training(.epoch(let report)):
                display.show(report, of: epochs)
            case .ended(let run, _):
                if let epoch = run.divergedInEpoch { display.say("  diverged in epoch \(epoch)") }
            case .training, .sample:
                break
            }
        }
    }

    private func save(_ result: RecipeResult, of recipe: Recipe) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let chart = LineChart(result, of: recipe)
        try AtomicFile.write(
            try encoder.encode(result) + Data("\n".utf8), to: folder.appending(path: "\(recipe.name).json"))
        try AtomicFile.write(Data(chart.svg().utf8), to: folder.appending(path: "\(recipe.name).svg"))
    }

    /// The table, and what the first network of each recipe wrote in the end.
    func report(_ results: [RecipeResult]) -> String {
        var table = RecipeTable()
        for (recipe, result) in zip(recipes, results) { table.add(result, of: recipe) }
        var text = table.markdown
        for result in results {
            for setting in result.settings {
                guard let samples = setting.runs.first?.samples, let last = samples.last?.epoch else {
                    continue
                }
                text +=
                    "\n`\(result.recipe)`\(setting.name.isEmpty ? "" : ", \(setting.name)"), epoch \(last):\n\n"
                for sample in samples where sample.epoch == last {
                    let diversity =
                        sample.texts.count > 1 ? String(format: ", diversity %.2f", sample.diversity) : ""
                    text += "- \(sample.strategy)\(diversity)\n"
                    text += sample.texts.map { "    - \(sample.prompt)**\($0)**\n" }.joined()
                }
            }
        }
        return text
    }
}

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
            || CorpusCatalogue.standard.entries.contains { $0.name == text }
        guard !isKnown, let folder = recipe.folder else { return setting.corpus.origin() }
        return setting.corpus.origin(otherText: URL(filePath: text, relativeTo: folder).path)
    }

    /// Reads the text and checks that it is the one that the recipe is about.
    func corpus() async throws -> Corpus {
        let origin = origin
        if otherText == nil, let expected = setting.corpus.sha1 {
            let file = try await CorpusReader.file(origin.source)
            // A file that cannot be read is an error with more to say when the text is read.
            if let found = try? FileFingerprint(of: file).sha1, found != expected {
                throw RecipeError.otherText(
                    recipe: recipe.name, file: file.path, expected: expected, found: found)
            }
        }
        return try await CorpusReader.read(origin)
    }
}
