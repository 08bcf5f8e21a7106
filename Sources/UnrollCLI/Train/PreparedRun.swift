import ArgumentParser
import Foundation
import Unroll
import UnrollBase
import UnrollModel
import UnrollRecipes
import UnrollTraining

/// A run that is ready to begin or to go on.
struct PreparedRun {
    let folder: OutputFolder
    let corpus: Corpus
    let trainer: Trainer
    /// The texts of a run that goes on, whose caches are to be kept once it does.
    var texts: RunTexts?
    /// The plan of a new run, if it has one.
    var plan: TrainingPlan?
    /// The prompts that a recipe asks for.
    var prompts: [String] = []
    /// The folder of the run that this one goes on from in a folder of its own; nil for any other.
    var earlier: URL?
}

extension TrainCommand {
    /// A new run.
    func prepared() async throws -> PreparedRun {
        let folder = try OutputFolder(output: output?.argument)
        var origin = text.origin
        try SharedRun.check(origin)
        var texts = try await RunTexts(origin, caches: dryRun ? nil : folder.caches)
        var settled = try settled(tokenCount: texts.corpus.tokens.count)
        var plan: TrainingPlan?
        if isPlanned {
            let canBeReadAgain = origin.sources != [CorpusReader.standardInput]
            if text.tokens == nil, canBeReadAgain, TrainingPlanner.prefersSubwords(texts.corpus) {
                origin.tokens = .subwords
                texts = try await RunTexts(origin, caches: dryRun ? nil : folder.caches)
            }
            let made = try await planner.plan(
                for: texts.corpus, validation: texts.validation, test: texts.test)
            (settled.model, settled.options, plan) = (made.model, made.options, made)
        }
        try texts.keepCaches()
        try SharedRun(origin, in: folder, model: settled.model, options: settled.options).give()
        let trainer = try Trainer(
            corpus: texts.corpus, validation: texts.validation, test: texts.test, model: settled.model,
            options: settled.options, engine: engine.kind, origin: origin, group: Cluster.group)
        return PreparedRun(folder: folder, corpus: texts.corpus, trainer: trainer, plan: plan)
    }

    /// Whether a new run follows a plan, and not the book.
    private var isPlanned: Bool {
        planning.preset.map { $0 == .plan } ?? (!text.isBundledStory || planning.minutes != nil)
    }

    /// The maker of the plan, over which the options are laid that were given.
    var planner: TrainingPlanner {
        var planner = TrainingPlanner(engine: engine.kind) { [self] model, options in
            let settled = try laid(over: SettledOptions(model: model, options: options))
            (model, options) = (settled.model, settled.options)
        }
        if let minutes = planning.minutes { planner.minutes = minutes }
        planner.processCount = Cluster.group?.size ?? 1
        return planner
    }

    /// A new run as a recipe says.
    func prepared(recipe name: InputPath) async throws -> PreparedRun {
        let folder = try OutputFolder(output: output?.argument)
        let selected = try SelectedRecipe(name)
        let source = RecipeText(
            selected.recipe, selected.setting, text.isBundledStory ? nil : text.origin.sources[0])
        let own = SettledOptions(
            model: selected.setting.model, options: selected.setting.options(seed: selected.recipe.seeds[0]),
            origin: source.origin)
        try checked(try laid(over: own)).check(against: own, allowing: ["epochs", "seed"]) { value in
            "is the recipe's to say, and there it is \(value); leave it out, or change a copy of the recipe"
        }
        try SharedRun.check(source.origin)
        let corpus = try await source.corpus()
        let options = try selected.options(epochs: training.epochs, seed: training.seed)
        try SharedRun(source.origin, in: folder, model: selected.setting.model, options: options).give()
        let trainer = try Trainer(
            corpus: corpus, model: selected.setting.model, options: options, engine: engine.kind,
            origin: source.origin, group: Cluster.group)
        return PreparedRun(
            folder: folder, corpus: corpus, trainer: trainer,
            prompts: selected.recipe.samples?.prompts ?? [])
    }

    /// A run that goes on: in its folder or, if it is to be another or that is a checkpoint that a run keeps, in a new one.
    func prepared(resuming name: String) async throws -> PreparedRun {
        let source = URL(fileURLWithPath: name, isDirectory: true)
        let record = try TrainingRecord(of: source)
        let own = SettledOptions(
            model: try ModelFolder(source).configuration(), options: record.options, origin: record.corpus)
        // Not checked for effects: a run that was saved with an option that has none goes on as it began.
        let settled = try laid(over: own)
        try settled.check(against: own, allowing: ["epochs", "maxSteps", "earlyStopping"]) { value in
            "cannot change when a run is resumed, where it is \(value); leave it out, or start a new run"
        }
        guard let origin = text.origin(like: record.corpus) else {
            throw Failure("\(name): does not say which text it was trained on; name the text as CORPUS")
        }
        guard origin.sources != [CorpusReader.standardInput] || !text.isBundledStory else {
            throw Failure(
                "\(name): was trained on standard input; pipe the same text in and give - as CORPUS")
        }
        let keeper = CheckpointWriter.run(keeping: source)
        let isNew = output != nil || keeper != nil
        let folder =
            try isNew ? OutputFolder(output: output?.argument, source: name) : OutputFolder(resuming: name)
        try SharedRun.check(origin)
        let texts = try await RunTexts(origin, caches: folder.caches)
        try SharedRun(
            origin, in: folder, model: own.model, options: record.options, from: source,
            epochs: training.epochs, maxSteps: training.maxSteps,
            earlyStopping: settled.options.earlyStopping
        ).give()
        let trainer = try Trainer(
            resuming: source, corpus: texts.corpus, validation: texts.validation, test: texts.test,
            epochs: training.epochs, maxSteps: training.maxSteps,
            earlyStopping: settled.options.earlyStopping, engine: engine.kind, origin: origin,
            group: Cluster.group)
        return PreparedRun(
            folder: folder, corpus: texts.corpus, trainer: trainer, texts: texts,
            earlier: isNew ? keeper ?? source : nil)
    }

    /// The options of a new run on a text of so many tokens; nil where it is not yet known.
    ///
    /// Those of a run by plan are what planning begins with.
    func settled(tokenCount: Int?) throws -> SettledOptions {
        if isPlanned {
            let draft = try planner.draft()
            return SettledOptions(model: draft.model, options: draft.options)
        }
        var options = TrainingOptions()
        if let tokenCount { options.epochs = TrainingFlags.defaultEpochs(tokenCount: tokenCount) }
        if text.isBundledStory { options.partitioning = .random }
        return try laid(over: SettledOptions(model: ModelConfiguration(), options: options))
    }

    /// The options that were given, over those that are settled.
    private func laid(over settled: SettledOptions) throws -> SettledOptions {
        var settled = settled
        try training.apply(to: &settled.model)
        regularization.apply(to: &settled.model)
        training.apply(to: &settled.options)
        try learning.apply(to: &settled.options)
        regularization.apply(to: &settled.options)
        try guards.apply(to: &settled.options)
        if let precision = engine.products.given { settled.options.precision = precision }
        if let fraction = text.test { settled.options.testFraction = fraction }
        if var origin = settled.origin {
            text.apply(to: &origin)
            settled.origin = origin
        }
        return settled
    }

    /// The same options, checked by the libraries.
    @discardableResult
    func checked(_ settled: SettledOptions) throws -> SettledOptions {
        try settled.model.check()
        try settled.options.check()
        try settled.options.check(for: settled.model)
        return settled
    }

    /// Whether two paths are the same folder, or would be.
    static func isSame(_ path: String, _ other: String) -> Bool {
        if let status = FileStatus(of: path), let second = FileStatus(of: other) {
            return status.isSameFile(as: second)
        }
        func place(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        return place(path) == place(other)
    }
}
