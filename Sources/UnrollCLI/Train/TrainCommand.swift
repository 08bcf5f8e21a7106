import ArgumentParser
import Foundation
import Unroll
import UnrollRecipes
import UnrollReports
import UnrollTraining

struct TrainCommand: AsyncParsableCommand, Cluster.Member {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model on a text and save it.",
        discussion: """
            Examples:
              unroll train                                     the bundled story
              unroll train notes.txt --output notes-model      a file of yours, in five minutes
              unroll train notes.txt --minutes 60              the same in an hour
              unroll train books/ --validation-file last.txt   a folder of files
              unroll train time-machine --preset book --preprocess letters --limit 10000
                                                               the book's own run
              cat *.log | unroll train - --tokens bytes        whatever comes in
              unroll train --resume notes-model --epochs 100   go on with a run
              unroll train notes.txt --cell gru --dry-run      plan, shapes, memory, time
              unroll train --recipe gluon-concise              an experiment from 'unroll recipe list'

            A file of yours is trained on by a plan, which is made for its length and
            the speed of this machine: the options that are not given are chosen so that
            the held-out end of the text is predicted as well as possible. The bundled
            story is memorized by the book's network, as with --preset book; the defaults
            that options name below are those of the book.

            Ctrl-C, a hangup and TERM save a checkpoint; --resume goes on from it as if
            nothing had happened. The folder holds the last model and, if there is a
            --validation, the best one in 'best'. A resumed run may get other --epochs and
            --max-steps (a cosine goes on as if planned for them), --patience,
            --minimum-improvement and --minimum-epochs, --checkpoint-seconds,
            --checkpoint-steps and --keep, --engine, --device, --threads, --prompt,
            --tensorboard, --baselines and --json. Other options must be as they were, and CORPUS the same text, perhaps
            in another place.
            """)

    @OptionGroup(title: "Text")
    var text: CorpusOptions

    @OptionGroup(title: "Plan")
    var planning: PlanFlags

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
        completion: .directory, transform: FolderPath.init)
    var output: FolderPath?

    @Option(
        help: """
            Go on with the run of this model folder: in it or, with --output or from a checkpoint in 'checkpoints', \
            in a folder of its own.
            """,
        completion: .directory, transform: FolderPath.init)
    var resume: FolderPath?

    @Option(
        help: ArgumentHelp(
            """
            Train as a recipe says. CORPUS, --epochs, --seed, --engine, --device, --threads, the options of checkpoints \
            and those below may be given too; others must be as in the recipe.
            """,
            valueName: "name|file"),
        completion: .list(RecipeCatalog.names), transform: InputPath.init)
    var recipe: InputPath?

    @Option(
        parsing: .unconditionalSingleValue,
        help: "A prompt to continue after training; may be repeated (default: two places of the text).")
    var prompt: [String] = []

    @OptionGroup
    var escapes: EscapeOptions

    @Option(
        help: "Also write event files for TensorBoard into this folder, one run to a folder.",
        completion: .directory, transform: FolderPath.init)
    var tensorboard: FolderPath?

    @Flag(help: "Train for a second and save nothing: print shapes, memory and the time it would take.")
    var dryRun = false

    @Flag(
        inversion: .prefixedNo,
        help: """
            Say first what simple models make of the text: uniform, unigram, 5-gram and the program xz (default: yes, \
            except with --resume).
            """)
    var baselines: Bool?

    @Flag(help: "Write events as one JSON object a line to standard output.")
    var json = false

    func validate() throws {
        if let resume, let output, Self.isSame(resume.argument, output.argument) {
            throw ValidationError("--resume goes on in its own folder; leave out --output, or name another")
        }
        if resume != nil, recipe != nil {
            throw ValidationError("--resume goes on with what was begun; leave out --recipe")
        }
        if let flag = planning.given, resume != nil || recipe != nil {
            throw ValidationError(
                "\(flag) is about a new run, and \(resume == nil ? "--recipe" : "--resume") says what this one is; leave "
                    + "out one of them")
        }
        if resume != nil, dryRun {
            throw ValidationError("--dry-run is about a new run; leave out --resume")
        }
        if prompt.contains(where: \.isEmpty) {
            throw ValidationError("--prompt is empty; give the model something to go on from")
        }
        _ = try prompts
        try InputPath.check(text.corpus + [recipe])
        if let frequency = text.minimumFrequency, frequency < 1 {
            throw ValidationError("--minimum-frequency is \(frequency) but must be at least 1")
        }
        if let size = text.tokens?.vocabularySize, !Vocabulary.subwordSizes.contains(size) {
            let sizes = Vocabulary.subwordSizes
            throw ValidationError(
                "--tokens is bpe:\(size) but the number must be in \(sizes.lowerBound)...\(sizes.upperBound)")
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
        // The libraries' own checks, before a text is read; those of other options need the run or the recipe.
        try Failure.asUsage {
            try checkpoints.policy.check()
            guard resume == nil, recipe == nil else { return }
            try planner.check()
            try checked(try settled(tokenCount: nil))
        }
    }

    func run() async throws {
        if dryRun {
            // What a single process would do.
            guard Cluster.isFirst else { return }
        } else {
            try Cluster.join()
        }
        // Before texts are read, which may take long.
        try engine.kind.check(precision: engine.products.precision)
        guard Cluster.isFirst else { return try await follow() }
        let run: PreparedRun =
            if let recipe {
                try await prepared(recipe: recipe)
            } else if let resume {
                try await prepared(resuming: resume.argument)
            } else {
                try await prepared()
            }
        var prompts = try prompt.isEmpty ? run.prompts : prompts
        // Found out now, and not after the training.
        if let prompt = prompts.first(where: { run.corpus.vocabulary.encode(prompt: $0).ids.isEmpty }) {
            throw Failure(
                "the prompt '\(prompt)': nothing is left of it after preprocessing; give another with --prompt",
                exitCode: Failure.usage)
        }
        if let plan = run.plan { try show(plan, of: run.corpus) }
        if dryRun {
            let run = try await DryRun(run.trainer)
            return json ? try JSONLine.write(run.line) : Standard.output.write("\(run)\n")
        }
        if prompts.isEmpty { prompts = SamplePrompts(run.corpus).prompts }
        let recording = RecordingOptions(
            prompt: prompts.first, engine: run.trainer.engine.kind,
            programVersion: UnrollCommand.configuration.version,
            tensorBoard: tensorboard?.url,
            isResumed: run.folder.isResumed, earlier: run.earlier)
        // A run that goes on has said them at its beginning.
        let report = baselines ?? (resume == nil) ? await BaselineReport(run.trainer.parts) : nil
        var session = try TrainingSession(
            trainer: run.trainer, corpus: run.corpus, folder: run.folder, policy: checkpoints.policy,
            recording: recording, baselines: report, isJSON: json, isPlanned: run.plan != nil)
        try run.texts?.keepCaches()
        do {
            try await session.train()
        } catch let failure as Failure where failure.isInterruption {
            // Launchers that were asked to end leave processes a second, and may keep MPI from ending in it.
            failure.say()
            // All processes have stopped after the same step.
            try? Cluster.leave()
            throw Failure(nil, exitCode: failure.exitCode)
        }
        try await session.showSamples(prompts: prompts)
        try session.finish()
        try Cluster.leave()
    }

    /// The prompts that were given, escapes replaced.
    private var prompts: [String] {
        get throws { try prompt.map { try escapes.decoded($0, of: "--prompt") } }
    }
}
