import ArgumentParser
import Foundation
import Unroll
import UnrollRecipes
import UnrollReports

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model on a text and save it.",
        discussion: """
            Examples:
              unroll train                                     the bundled story
              unroll train notes.txt --output notes-model      a file of yours
              unroll train books/ --validation-file last.txt   a folder of files
              unroll train time-machine --preprocess letters --limit 10000 --epochs 500
                                                               the book's own run
              cat *.log | unroll train - --tokens bytes        whatever comes in
              unroll train --resume notes-model --epochs 100   go on with a run
              unroll train notes.txt --cell lstm --dry-run     shapes, memory, time
              unroll train --recipe gluon-concise              an experiment from 'unroll recipe list'

            Ctrl-C saves a checkpoint; --resume goes on from it as if nothing had happened.
            The folder holds the last model and, if there is a --validation, the best
            one in 'best'. With other --epochs, a resumed cosine goes on as if it had
            been planned for them.
            """)

    @OptionGroup(title: "Text")
    var text: CorpusOptions

    @OptionGroup(title: "Model and training")
    var training: TrainingFlags

    @OptionGroup(title: "Learning")
    var learning: LearningFlags

    @OptionGroup(title: "Regularization")
    var regularization: RegularizationFlags

    @OptionGroup(title: "Validation and guards")
    var guards: GuardFlags

    @OptionGroup(title: "Checkpoints")
    var checkpoints: CheckpointFlags

    @OptionGroup(title: "Engine")
    var engine: EngineOptions

    @Option(
        help: "The model folder to make (default: unroll-model, or the next free name).",
        completion: .directory)
    var output: String?

    @Option(
        help:
            "Go on with the run of this model folder; of other options only --epochs and those of checkpoints count.",
        completion: .directory)
    var resume: String?

    @Option(
        help: ArgumentHelp(
            "Train as a recipe says; of other options CORPUS, --epochs, --seed, --engine, --threads, those of checkpoints and those below count.",
            valueName: "name|file"),
        completion: .list(RecipeCatalog.names))
    var recipe: String?

    @Option(
        parsing: .unconditionalSingleValue,
        help: "A prompt to continue after training; may be repeated (default: two places of the text).")
    var prompt: [String] = []

    @Option(
        help: "Also write event files for TensorBoard into this folder, one run to a folder.",
        completion: .directory)
    var tensorboard: String?

    @Flag(help: "Train for a second and save nothing: print shapes, memory and the time it would take.")
    var dryRun = false

    @Flag(
        inversion: .prefixedNo,
        help: "Say first what simple models make of the text: uniform, unigram, 5-gram and the program xz.")
    var baselines = true

    @Flag(help: "Write events as one JSON object a line to standard output.")
    var json = false

    func validate() throws {
        if resume != nil, output != nil {
            throw ValidationError("--resume goes on in its own folder; leave out --output")
        }
        if resume != nil, recipe != nil {
            throw ValidationError("--resume goes on with what was begun; leave out --recipe")
        }
        if resume != nil, dryRun {
            throw ValidationError("--dry-run is about a new run; leave out --resume")
        }
        if prompt.contains(where: \.isEmpty) {
            throw ValidationError("--prompt is empty; give the model something to go on from")
        }
        if output?.isEmpty == true { throw ValidationError("--output is empty; name a folder to make") }
        if tensorboard?.isEmpty == true { throw ValidationError("--tensorboard is empty; name a folder") }
        if resume?.isEmpty == true { throw ValidationError("--resume is empty; name the folder of a run") }
        if text.minimumFrequency < 1 {
            throw ValidationError("--minimum-frequency is \(text.minimumFrequency) but must be at least 1")
        }
        if recipe != nil, text.corpus.count > 1 || text.validationFile != nil || text.testFile != nil {
            throw ValidationError(
                "--recipe says how one text is parted; give one CORPUS and no --validation-file or --test-file"
            )
        }
        if training.validation != nil, text.validationFile != nil {
            throw ValidationError(
                "--validation and --validation-file say different texts to validate on; leave out one of them"
            )
        }
        // The libraries' own checks, before a text is read.
        try Failure.asUsage {
            let (model, options) = (model, try options(tokenCount: nil))
            try model.check()
            try options.check()
            try options.regularization.check(for: model)
            try checkpoints.policy.check()
        }
    }

    func run() async throws {
        let folder = try OutputFolder(output: output, resume: resume)
        let corpus: Corpus
        let trainer: Trainer
        var prompts = prompt
        if let recipe {
            let selected = try SelectedRecipe(recipe)
            let source = RecipeText(
                selected.recipe, selected.setting, text.isBundledStory ? nil : text.origin.sources[0])
            corpus = try await source.corpus()
            trainer = try selected.trainer(
                on: corpus, epochs: training.epochs, seed: training.seed, engine: engine.kind,
                origin: source.origin)
            if prompts.isEmpty { prompts = selected.recipe.samples?.prompts ?? [] }
        } else if let resume {
            let record = try TrainingRecord(of: folder.url)
            guard let origin = text.origin(like: record.corpus) else {
                throw Failure("\(resume): does not say which text it was trained on; name the text as CORPUS")
            }
            guard origin.sources != [CorpusReader.standardInput] || !text.isBundledStory else {
                throw Failure(
                    "\(resume): was trained on standard input; pipe the same text in and give - as CORPUS")
            }
            let texts = try await RunTexts(origin, in: folder)
            corpus = texts.corpus
            trainer = try Trainer(
                resuming: folder.url, corpus: corpus, validation: texts.validation, test: texts.test,
                epochs: training.epochs, engine: engine.kind, origin: origin)
        } else {
            let texts = try await RunTexts(text.origin, in: dryRun ? nil : folder)
            corpus = texts.corpus
            trainer = try Trainer(
                corpus: corpus, validation: texts.validation, test: texts.test, model: model,
                options: try options(tokenCount: corpus.tokens.count), engine: engine.kind,
                origin: text.origin)
        }
        // Found out now, and not after the training.
        if let prompt = prompts.first(where: { corpus.vocabulary.encode($0).ids.isEmpty }) {
            throw Failure(
                "the prompt '\(prompt)': nothing is left of it after preprocessing; give another with --prompt",
                exitCode: Failure.usage)
        }
        if dryRun {
            let run = try await DryRun(trainer)
            return json ? try JSONLine.write(run.line) : Standard.output.write("\(run)\n")
        }
        if prompts.isEmpty { prompts = SamplePrompts(corpus).prompts }
        let recording = RecordingOptions(
            prompt: prompts.first, engine: engine.kind,
            programVersion: UnrollCommand.configuration.version,
            tensorBoard: tensorboard.map { URL(fileURLWithPath: $0, isDirectory: true) },
            isResumed: resume != nil)
        // A run that goes on has said them at its beginning.
        let report = baselines && resume == nil ? await BaselineReport(trainer.parts) : nil
        var session = try TrainingSession(
            trainer: trainer, corpus: corpus, folder: folder, policy: checkpoints.policy,
            recording: recording, baselines: report, isJSON: json)
        try await session.train()
        try await session.showSamples(prompts: prompts)
        try session.finish()
    }

    private var model: ModelConfiguration {
        var model = ModelConfiguration()
        training.apply(to: &model)
        regularization.apply(to: &model)
        return model
    }

    /// The options for a text of so many tokens; nil where it is not yet known.
    private func options(tokenCount: Int?) throws -> TrainingOptions {
        var options = TrainingOptions(precision: engine.products.precision)
        options.testFraction = text.test
        training.apply(to: &options, tokenCount: tokenCount, isBundledStory: text.isBundledStory)
        try learning.apply(to: &options)
        regularization.apply(to: &options)
        try guards.apply(to: &options)
        return options
    }
}
