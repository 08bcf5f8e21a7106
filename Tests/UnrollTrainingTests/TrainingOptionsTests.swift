import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText
import UnrollTraining

/// The JSON form of options, in which what is left out has its default.
@Suite struct TrainingOptionsTests {
    private func options(_ json: String) throws -> TrainingOptions {
        try TrainingOptions(json: try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)))
    }

    private func model(_ json: String) throws -> ModelConfiguration {
        try ModelConfiguration(json: try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)))
    }

    /// Options of which no property has its default.
    private var unusual: TrainingOptions {
        var options = TrainingOptions(
            epochs: 7, batchSize: 3, sequenceLength: 9, partitioning: .windows, trainingWindows: 40,
            validationFraction: 0.25,
            earlyStopping: EarlyStopping(patience: 3, minimumImprovement: 0.01, minimumEpochs: 2),
            optimizer: Optimizer(
                rule: .rmsprop(decay: 0.75, epsilon: 1e-6), learningRate: 0.003, maxGradientNorm: nil,
                weightDecay: 0.125, averaging: .exponential(decay: 0.998)),
            schedule: LearningRateSchedule(
                .plateau(factor: 0.25, patience: 5, threshold: 0.001), warmUpSteps: 4),
            regularization: Regularization(
                dropout: 0.5, usesVariationalDropout: true, embeddingDropout: 0.1, weightDrop: 0.2,
                labelSmoothing: 0.05),
            initializer: .orthogonal, seed: .max, precision: .bfloat16)
        (options.statefulEpochs, options.validationWindows, options.testFraction) = (2, 11, 0.125)
        (options.maxSteps, options.shards) = (8, 2)
        (options.validationSteps, options.averagingPatience, options.maxRecoveries) = (6, 5, 1)
        return options
    }

    @Test func everyPropertyComesBack() throws {
        let (unusual, usual) = (Mirror(reflecting: unusual), Mirror(reflecting: TrainingOptions()))
        // So that a new property cannot be forgotten here.
        for (property, other) in zip(unusual.children, usual.children) {
            #expect("\(property.value)" != "\(other.value)", "\(property.label ?? "")")
        }
        let copy = try JSONDecoder().decode(
            TrainingOptions.self, from: try JSONEncoder().encode(self.unusual))
        #expect(copy == self.unusual)
        #expect(try TrainingOptions(json: try JSONValue(encoding: self.unusual)) == self.unusual)
    }

    @Test func whatIsLeftOutHasItsDefault() throws {
        #expect(try options("{}") == TrainingOptions())
        #expect(try options(#"{"epochs": 3}"#) == TrainingOptions(epochs: 3))
        #expect(try options(#"{"optimizer": {"maxGradientNorm": null}}"#).optimizer.maxGradientNorm == nil)
        #expect(try options(#"{"optimizer": {}}"#) == TrainingOptions())
        var expected = TrainingOptions(earlyStopping: EarlyStopping(patience: 2))
        expected.regularization.dropout = 0.5
        #expect(
            try options(#"{"earlyStopping": {"patience": 2}, "regularization": {"dropout": 0.5}}"#)
                == expected
        )
        let model = try model(#"{"cell": "gru", "embeddingSize": 7}"#)
        #expect(model.cell is GRUCell.Type && model.hiddenSize == 512 && model.embeddingSize == 7)
    }

    @Test(arguments: Optimizer.Rule.all)
    func anOptimizersDefaultsAreThoseOfItsRule(rule: Optimizer.Rule) throws {
        let json = #"{"optimizer": {"rule": "\#(rule.name)"}}"#
        #expect(try options(json).optimizer == Optimizer(usual: rule))
        #expect(Optimizer(usual: rule).learningRate == rule.defaultLearningRate)
    }

    @Test(arguments: LearningRateSchedule.Decay.all)
    func aSchedulesDefaultsAreThoseOfItsDecay(decay: LearningRateSchedule.Decay) throws {
        let json = #"{"schedule": {"decay": "\#(decay.name)", "warmUpSteps": 3}}"#
        #expect(try options(json).schedule == LearningRateSchedule(decay, warmUpSteps: 3))
    }

    @Test(arguments: [
        (#"{"epoch": 3}"#, "'training.epoch'", "'training.epochs'"),
        (#"{"statefulEpoch": 3}"#, "'training.statefulEpoch'", "'training.statefulEpochs'"),
        (#"{"earlyStopping": {"patiense": 3}}"#, "'training.earlyStopping.patiense'", "patience'"),
        (#"{"regularization": {"dropoot": 0.1}}"#, "'training.regularization.dropoot'", "dropout'"),
        (#"{"optimizer": {"learnRate": 1}}"#, "'training.optimizer.learnRate'", "learningRate'"),
        (#"{"optimizer": {"beta1": 1}}"#, "'training.optimizer.beta1'", "known there: averaging"),
        (#"{"schedule": {"decay": "cosine", "factor": 1}}"#, "'training.schedule.factor'", "finalRate"),
    ])
    func unknownKeysAreErrors(json: String, key: String, suggestion: String) {
        let error = #expect(throws: JSONFormError.self) { try options(json) }
        #expect(error?.description.contains("no key \(key)") == true, "\(error?.description ?? "")")
        #expect(error?.description.contains(suggestion) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#"{"epochs": "many"}"#, "'training.epochs'"), (#"{"epochs": 1.5}"#, "'training'"),
        (#"{"optimizer": {"rule": "adagrad"}}"#, "no rule 'adagrad'; known: sgd, momentum"),
        (#"{"optimizer": {"averaging": "median"}}"#, "no averaging 'median'"),
        (#"{"schedule": {"decay": "linear"}}"#, "no decay 'linear'; known: constant, step"),
        (#"{"epochs": null}"#, "'training.epochs' is missing"),
    ])
    func wrongValuesAreErrors(json: String, text: String) {
        let error = #expect(throws: JSONFormError.self) { try options(json) }
        #expect(error?.description.contains(text) == true, "\(error?.description ?? "")")
    }

    @Test func unknownCellsAreErrors() {
        #expect(
            throws: ModelError.unknownCell("tanhh", known: ModelConfiguration.builtInCells.map { $0.name })
        ) {
            try model(#"{"cell": "tanhh"}"#)
        }
    }

    @Test func errorsNameParametersAndNoFlags() throws {
        let error = ParameterError.outOfRange(parameter: "epochs", value: "0", allowed: "at least 1")
        #expect(throws: error) { try TrainingOptions(epochs: 0).check() }
        var options = TrainingOptions(partitioning: .random)
        options.statefulEpochs = 1
        let needs = ParameterError.needs(
            parameter: "statefulEpochs", other: "partitioning", values: ["sequential", "consecutive"])
        #expect(throws: needs) { try options.check() }
        let best = BestValidation(perplexity: 2, epoch: 3, step: 4)
        let texts: [any CustomStringConvertible] = [
            error, needs, TrainingError.diverged(epoch: 1, step: 2, learningRate: 3),
            TrainingError.noKnownTokens(text: "a"),
            TrainingError.otherVocabulary(text: "a", trainingText: "b"),
            TrainingError.cannotSave(folder: "f", attempts: 3, reason: "full"),
            TrainingError.keptCheckpoint(folder: "f", run: "g"),
            TrainingError.cannotResume(folder: "f", .noCheckpoint(file: "training.json")),
            TrainingError.cannotResume(folder: "f", .otherText(names: ["a", "b"])),
            TrainingError.cannotResume(folder: "f", .doneEpochs(done: 3, requested: 2)),
            TrainingError.cannotResume(folder: "f", .doneSteps(done: 3, requested: 2)),
            TrainingNotice.alreadyFinished(epochs: 2), TrainingNotice.alreadyFinished(epochs: 2, maxSteps: 7),
            TrainingNotice.alreadyStopped(epoch: 9, validations: 1),
            TrainingNotice.overfitting(validations: 5, perplexity: 3, best: best),
            TrainingNotice.learnsNothing(perplexity: 9, unigramPerplexity: 8, uniformPerplexity: 9),
            TrainingNotice.moreParametersThanTokens(parameters: 9, tokens: 8, isHeldOut: false),
            TrainingNotice.moreParametersThanTokens(parameters: 9, tokens: 8, isHeldOut: true),
            TrainingNotice.learnsNothing(perplexity: 1e96, unigramPerplexity: 8, uniformPerplexity: 9),
            TrainingNotice.warmUpOutlastsRun(warmUpSteps: 9, steps: 8, learningRate: 0.5),
            TrainingNotice.withoutEffect(parameter: "validationSteps", value: 9, reason: "an epoch has 8"),
        ]
        for text in texts {
            #expect(!text.description.contains("--") && !text.description.contains("\n"), "\(text)")
        }
        #expect(TrainingError.noKnownTokens(text: "a").localizedDescription.contains("minimum frequency"))
    }
}
