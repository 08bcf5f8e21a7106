import Foundation
import Unroll
import UnrollBase
import UnrollCharts
import UnrollModel
import UnrollRecipes
import UnrollTraining

/// Recipes as the command line runs, shows and saves them.
struct RecipeSession {
    let recipes: [Recipe]
    /// Where results and plots are saved.
    let folder: URL
    /// The text to take in place of the recipes' own; nil for these.
    let otherText: String?
    /// The engine of recipes that are not by tensors.
    let engine: EngineKind
    let isJSON: Bool

    /// Runs the recipes in order, saving each when it is done; returns what came of them.
    ///
    /// A signal such as Ctrl-C ends the program and leaves what is done; see `Interruption`.
    func run() async throws -> [RecipeResult] {
        let choice = try engineChoice()
        // Mistakes are found out now, and not after the first recipe.
        for recipe in recipes {
            for setting in recipe.settings { try await check(setting, of: recipe) }
        }
        let names = recipes.map(\.name)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw Failure(
                "two recipes are called '\(twice)', and their results would be one file; run one after the other, with another --output"
            )
        }
        // Of several processes, the first one saves.
        let locks = Cluster.isFirst ? try takeFolder() : []
        defer { withExtendedLifetime(locks) {} }
        do {
            return try await Interruption.cancelling {
                var results: [RecipeResult] = []
                for recipe in recipes {
                    let result = try await follow(recipe, on: choice)
                    try save(result, of: recipe)
                    if isJSON { try JSONLine.write(result) }
                    results.append(result)
                }
                return results
            }
        } catch is CancellationError {
            throw Failure(
                "interrupted; the recipes that are done are in \(folder.relativePath)",
                exitCode: Interruption.exitCode)
        }
    }

    /// Makes the folder for the results, and locks them.
    private func takeFolder() throws -> [FolderLock] {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure(
                "\(folder.relativePath): cannot be made (\(error.localizedDescription)); choose another --output"
            )
        }
        guard FileManager.default.isWritableFile(atPath: folder.path) else {
            throw Failure("\(folder.relativePath): cannot be written to; choose another --output")
        }
        // No two programs write the results of the same recipe.
        return try recipes.map { try FolderLock(folder, named: "\($0.name).lock") }
    }

    /// Checks what only the text of a setting can show.
    private func check(_ setting: RecipeSetting, of recipe: Recipe) async throws {
        let corpus = try await RecipeText(recipe, setting, otherText).corpus()
        for prompt in recipe.samples?.prompts ?? [] where corpus.vocabulary.encode(prompt: prompt).ids.isEmpty
        {
            throw RecipeError.invalid(
                recipe: recipe.name,
                reason:
                    "nothing is left of the prompt '\(prompt)' in 'samples' after preprocessing; give another"
            )
        }
        _ = try setting.training.partitioning.minibatches(
            of: corpus.tokens, batchSize: setting.training.wholeBatchSize,
            sequenceLength: setting.training.sequenceLength, seed: 0, epoch: 0,
            windowCount: setting.training.trainingWindows)
    }

    /// The engine for all recipes.
    private func engineChoice() throws -> EngineChoice {
        let precisions = recipes.flatMap(\.settings).filter { $0.engine != .tensors }
            .map(\.training.precision)
        guard !precisions.isEmpty else { return EngineKind.cpu(threads: nil).choice() }
        let precision: Precision = precisions.contains(.bfloat16) ? .bfloat16 : .float32
        try engine.check(precision: precision)
        return engine.choice(precision: precision)
    }

    private func follow(_ recipe: Recipe, on choice: EngineChoice) async throws -> RecipeResult {
        var display = ProgressDisplay()
        display.say("\(recipe.name): \(recipe.title)")
        var (epochs, label, saysEngine) = (0, "", true)
        return try await RecipeRunner(recipe, engine: choice.kind, group: Cluster.group).run { setting in
            epochs = setting.training.epochs
            return try await RecipeText(recipe, setting, otherText).corpus()
        } observer: { event in
            switch event {
            case .began(let setting, let seed, let index, let count):
                display.clear()
                let name = setting.isEmpty ? "" : "\(setting), "
                label = "\(name)seed \(seed) (\(index)/\(count))  "
                display = ProgressDisplay(label: label)
            case .training(.started(let plan)) where saysEngine:
                saysEngine = false
                let reason = choice.reason.map { ", as \($0)" } ?? ""
                display.say("training on \(plan.engine)\(reason)")
            case .training(.progress(let progress)):
                display.show(progress)
            case .training(.epoch(let report)):
                display.show(report, of: epochs)
            case .ended(let run, let result):
                if let epoch = run.divergedInEpoch { display.say("\(label)diverged in epoch \(epoch)") }
                // Kept if the rest is interrupted; a failure to save is an error at the end.
                try? save(result, of: recipe)
            case .training(.notice(let notice)) where notice.kind != .moreParametersThanTokens:
                display.say("\(label)note: \(Hint.described(notice))")
            case .training, .sample:
                break
            }
        }
    }

    private func save(_ result: RecipeResult, of recipe: Recipe) throws {
        guard Cluster.isFirst else { return }
        let chart = LineChart(result, of: recipe)
        try AtomicFile.write(
            try JSONEncoder.unrollPretty.encodeWithNulls(result) + Data("\n".utf8),
            to: folder.appending(path: "\(recipe.name)\(FileSignature.recipeResultName)"))
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
                        sample.texts.count > 1
                        ? ", diversity \(NumberFormat.fixed(sample.diversity, decimals: 2))" : ""
                    text += "- \(sample.strategy)\(diversity)\n"
                    // The most probable continuation is always the same.
                    let texts = Set(sample.texts).count == 1 ? Array(sample.texts.prefix(1)) : sample.texts
                    text += texts.map { "    - \(EscapedText.encode(sample.prompt + $0))\n" }.joined()
                }
            }
        }
        return text
    }
}
