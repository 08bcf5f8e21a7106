import Foundation
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText
import UnrollTraining

/// Runs a recipe: trains a network for every setting and seed.
package struct RecipeRunner: Sendable {
    /// The recipe.
    package let recipe: Recipe
    /// The engine that trains; samples are written by the CPU, and recipes by tensors have none.
    package let engine: EngineKind
    /// The processes that share out the networks; nil for this one alone.
    private let group: (any ProcessGroup)?

    /// The events of a run.
    package enum Event: Sendable {
        /// A network is about to be trained, `index` of `count`, counted from 1.
        case began(setting: String, seed: UInt64, index: Int, count: Int)
        /// Training of that network goes on.
        case training(TrainingEvent)
        /// It has generated a text.
        case sample(Sample)
        /// It is done; with all results of the recipe so far.
        case ended(RunResult, RecipeResult)
    }

    /// A runner for a recipe.
    package init(
        _ recipe: Recipe, engine: EngineKind = .cpu(threads: nil), group: (any ProcessGroup)? = nil
    ) {
        self.recipe = recipe
        self.engine = engine
        self.group = group
    }

    /// Trains all networks of the recipe, one after the other; in a group every process trains some, and all of them have
    /// the results.
    ///
    /// A network that diverges is a result, not an error.
    ///
    /// - Parameters:
    ///   - corpus: Reads the text of a setting.
    ///   - observer: Called with every event.
    /// - Returns: The results, with verdicts on what was expected.
    /// - Throws: The errors of training, and `CancellationError` when the task is canceled.
    package func run(
        corpus: (RecipeSetting) async throws -> Corpus, observer: (Event) -> Void = { _ in }
    ) async throws -> RecipeResult {
        var result = RecipeResult(recipe: recipe.name, title: recipe.title, settings: [])
        let count = recipe.settings.count * recipe.seeds.count
        var index = 0
        for setting in recipe.settings {
            result.settings.append(SettingResult(name: setting.name, runs: []))
            let networks = recipe.seeds.map { seed in
                index += 1
                return (index: index, seed: seed)
            }
            let own = networks.filter { isOwn($0.index) }
            guard !own.isEmpty else { continue }
            let corpus = try await corpus(setting)
            for network in own {
                observer(
                    .began(setting: setting.name, seed: network.seed, index: network.index, count: count))
                let run = try await train(setting, seed: network.seed, corpus: corpus, observer: observer)
                result.settings[result.settings.count - 1].runs.append(run)
                observer(.ended(run, result))
            }
        }
        try collect(&result.settings)
        result.verdicts = recipe.expected.map { Verdict($0, in: result.settings) }
        return result
    }

    /// Whether this process trains a network, counted from 1.
    private func isOwn(_ index: Int) -> Bool {
        group.map { (index - 1) % $0.size == $0.rank } ?? true
    }

    /// Puts the runs of all processes in place of those of this one.
    private func collect(_ settings: inout [SettingResult]) throws {
        guard let group else { return }
        var parts = try group.gather(Array(try RunResult.encoder.encode(settings))).map { bytes in
            try RunResult.decoder.decode([SettingResult].self, from: Data(bytes))
        }
        var index = 0
        for place in settings.indices {
            settings[place].runs = recipe.seeds.map { _ in
                defer { index += 1 }
                return parts[index % group.size][place].runs.removeFirst()
            }
        }
    }

    private func train(
        _ setting: RecipeSetting, seed: UInt64, corpus: Corpus, observer: (Event) -> Void
    ) async throws -> RunResult {
        var run = RunResult(seed: seed)
        let start = ContinuousClock.now
        do {
            if setting.engine == .tensors {
                try await trainFromScratch(
                    setting, seed: seed, corpus: corpus, run: &run, observer: observer)
            } else {
                let trainer = try Trainer(
                    corpus: corpus, model: setting.model, options: setting.options(seed: seed),
                    engine: engine)
                for try await event in trainer.run() {
                    observer(.training(event))
                    let epoch: Int
                    switch event {
                    case .epoch(let report):
                        run.add(report)
                        epoch = report.epoch
                    case .finished(let summary) where summary.isStoppedEarly:
                        epoch = summary.epochs
                    default:
                        continue
                    }
                    try await write(
                        after: epoch, of: setting, isLast: event.isFinish, corpus: corpus, run: &run,
                        observer: observer
                    ) { try trainer.languageModel() }
                }
                run.meanOfExponentials = try meanOfExponentials(
                    of: trainer.languageModel(), setting: setting, corpus: corpus)
            }
        } catch TrainingError.diverged(let epoch, _, _) {
            run.divergedInEpoch = epoch
        }
        run.seconds = start.duration(to: .now) / .seconds(1)
        return run
    }

    private func trainFromScratch(
        _ setting: RecipeSetting, seed: UInt64, corpus: Corpus, run: inout RunResult,
        observer: (Event) -> Void
    ) async throws {
        var training = try ScratchTraining(setting: setting, corpus: corpus, seed: seed)
        while let report = try training.nextEpoch() {
            observer(.training(.progress(training.progress(after: report))))
            observer(.training(.epoch(report)))
            run.add(report)
            run.tensorBytes = training.tensorBytes
            try await write(
                after: report.epoch, of: setting, corpus: corpus, run: &run, observer: observer
            ) {
                try LanguageModel(
                    configuration: setting.model, vocabulary: corpus.vocabulary,
                    parameters: training.parameters())
            }
        }
    }

    /// Generates the samples that the recipe wants after this epoch.
    private func write(
        after epoch: Int, of setting: RecipeSetting, isLast: Bool = false, corpus: Corpus,
        run: inout RunResult,
        observer: (Event) -> Void, model: () throws -> LanguageModel
    ) async throws {
        guard let section = recipe.samples else { return }
        let isDue = section.every.map { epoch.isMultiple(of: $0) } ?? false
        // After the epoch with which a run stops early, samples are not generated twice.
        guard isLast ? !isDue : isDue || epoch == setting.training.epochs else { return }
        let model = try model()
        let precision = setting.training.precision
        for prompt in section.prompts {
            for name in section.strategies ?? ["greedy"] {
                guard let strategy = SamplesSection.strategy(name) else { continue }
                var texts: [String] = []
                for seed in 0..<UInt64(section.count ?? 1) {
                    let options = TextGenerationOptions(
                        length: section.length, strategy: strategy, seed: seed, precision: precision)
                    var text = ""
                    do {
                        for try await piece in model.generate(
                            after: prompt, options: options, threads: engine.threads)
                        {
                            text += piece.text
                        }
                    } catch GenerationError.notANumber {
                        // The next step of training says that it has diverged.
                        return
                    }
                    texts.append(text)
                }
                let sample = Sample(epoch: epoch, prompt: prompt, strategy: name, texts: texts)
                run.samples.append(sample)
                observer(.sample(sample))
            }
        }
    }

    /// The validation perplexity as the book's slides define it, where the recipe validates on windows as they do.
    private func meanOfExponentials(
        of model: LanguageModel, setting: RecipeSetting, corpus: Corpus
    ) throws -> Double? {
        guard let first = setting.training.trainingWindows, let count = setting.training.validationWindows
        else {
            return nil
        }
        let source = try corpus.tokens.validationWindows(
            batchSize: setting.training.batchSize, sequenceLength: setting.training.sequenceLength,
            after: first,
            windowCount: count)
        let engine = try engine.maker.engine(
            configuration: model.configuration, parameters: model.parameters,
            settings: EngineSettings(precision: setting.training.precision, threads: engine.threads))
        var minibatch = Minibatch()
        let exponentials = try (0..<source.count).map { index in
            try Task.checkCancellation()
            source.fill(&minibatch, at: index)
            return exp(try engine.evaluate(minibatch) / Double(minibatch.tokenCount))
        }
        return exponentials.reduce(0, +) / Double(exponentials.count)
    }
}

extension TrainingEvent {
    fileprivate var isFinish: Bool { if case .finished = self { true } else { false } }
}

extension RunResult {
    fileprivate mutating func add(_ report: EpochReport) {
        perplexity.append(report.perplexity)
        if let validation = report.validationPerplexity { validationPerplexity.append(validation) }
        tokens = Int(exactly: (report.tokensPerSecond * report.seconds).rounded()) ?? tokens
    }
}
