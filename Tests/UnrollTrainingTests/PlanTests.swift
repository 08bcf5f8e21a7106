import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Plans of runs, made in moments.
@Suite struct PlanTests {
    private let corpus: Corpus

    init() throws {
        corpus = try TestTraining.corpus(length: 20_000)
    }

    private func planner(
        minutes: Double = 0.05, _ settings: @escaping TrainingPlanner.Settings = { _, _ in }
    ) -> TrainingPlanner {
        TrainingPlanner(minutes: minutes, engine: .cpu(threads: 1), settings: settings)
    }

    @Test func aPlanFillsTheTimeAndHoldsTextOut() async throws {
        let plan = try await planner().plan(for: corpus)
        #expect(plan.model.cell.name == "lstm")
        #expect(plan.steps >= 1 && plan.options.maxSteps == plan.steps)
        #expect(plan.seconds > 0 && plan.seconds < 3.5)
        #expect(plan.trainingTokens + plan.heldOutTokens == corpus.tokens.count)
        #expect(plan.heldOutTokens == 2_000)
        #expect(Double(plan.options.epochs) >= plan.epochs)
        #expect(plan.tokensPerSecond > 0 && plan.engine.hasPrefix("cpu"))
        _ = try Trainer(corpus: corpus, model: plan.model, options: plan.options)
    }

    @Test func whatIsGivenWins() async throws {
        let plan = try await planner { model, options in
            model.cell = GRUCell.self
            model.hiddenSize = 24
            options.epochs = 2
            options.batchSize = 5
            options.optimizer = Optimizer(usual: .sgd)
            options.validationFraction = 0.2
        }.plan(for: corpus)
        #expect(plan.model.cell.name == "gru" && plan.model.hiddenSize == 24)
        #expect(plan.options.epochs == 2 && plan.options.maxSteps == nil && plan.options.batchSize == 5)
        #expect(plan.options.optimizer == Optimizer(usual: .sgd))
        #expect(plan.heldOutTokens == 4_000)
        #expect(abs(plan.epochs - 2) < 0.1)
    }

    /// Dropout and warm-up are those of the run that was asked for, not of one that fills the time.
    @Test func theRulesFollowEpochsThatAreGiven() async throws {
        let few = try await planner { model, options in (model.hiddenSize, options.epochs) = (16, 1) }
            .plan(for: corpus)
        #expect(few.options.regularization == PlanRules.regularization(epochs: 1))
        #expect(few.options.schedule.warmUpSteps <= few.steps / 10)
        let many = try await planner { model, options in (model.hiddenSize, options.epochs) = (16, 300) }
            .plan(for: corpus)
        #expect(many.options.regularization == PlanRules.regularization(epochs: 300))
        #expect(many.epochs == 300 && many.options.maxSteps == nil)
    }

    @Test func stepsThatAreGivenWin() async throws {
        let plan = try await planner { _, options in options.maxSteps = 7 }.plan(for: corpus)
        #expect(plan.steps == 7 && plan.options.maxSteps == 7)
    }

    @Test func tiedWeightsHaveOneSize() async throws {
        for (settings, size) in [
            ({ model, _ in (model.tiesWeights, model.embeddingSize) = (true, 24) }, 24),
            ({ model, _ in (model.tiesWeights, model.hiddenSize) = (true, 40) }, 40),
            ({ model, _ in model.tiesWeights = true }, nil),
        ] as [(TrainingPlanner.Settings, Int?)] {
            let planner = planner(settings)
            #expect(try planner.draft().model.embeddingSize == planner.draft().model.hiddenSize)
            let plan = try await planner.plan(for: corpus)
            #expect(plan.model.tiesWeights && plan.model.embeddingSize == plan.model.hiddenSize)
            #expect(size == nil || plan.model.hiddenSize == size)
        }
    }

    @Test func windowsAreHeldOutByTheirNumber() async throws {
        let plan = try await planner { model, options in
            model.hiddenSize = 16
            options.partitioning = .windows
            (options.trainingWindows, options.validationWindows) = (200, 50)
        }.plan(for: corpus)
        #expect(plan.options.validationFraction == nil && plan.options.validationWindows == 50)
    }

    @Test func manyTokensAreEmbedded() async throws {
        let more = try Corpus(text: (0..<900).map { "word\($0)" }.joined(separator: " "), tokens: .words)
        let embedded = try await planner().plan(for: more).model
        #expect(embedded.tiesWeights && embedded.embeddingSize == embedded.hiddenSize)
    }

    @Test func textsOfTheirOwnTakeThePlaceOfTheHeldOutPart() async throws {
        let validation = try Corpus(
            bytes: "the time traveller".utf8, name: "validation", vocabulary: corpus.vocabulary)
        let plan = try await planner { model, _ in model.hiddenSize = 16 }.plan(
            for: corpus, validation: validation)
        #expect(plan.options.validationFraction == nil)
        #expect(plan.trainingTokens == corpus.tokens.count && plan.heldOutTokens == validation.tokens.count)
    }

    @Test(arguments: [0, -1, 1e6, .nan, .infinity]) func impossibleMinutesAreRefused(minutes: Double) async {
        await #expect(throws: ParameterError.self) { try await planner(minutes: minutes).plan(for: corpus) }
    }

    @Test func impossibleSettingsAreRefusedAsByTheTrainer() async {
        await #expect(throws: ParameterError.self) {
            try await planner { model, _ in model.hiddenSize = 0 }.plan(for: corpus)
        }
    }

    @Test func aTextThatIsTooShortIsRefused() async throws {
        let tiny = try Corpus(text: "abc")
        await #expect(throws: TextError.self) { try await planner().plan(for: tiny) }
    }

    // MARK: Rules

    /// Six operations for each weight, biases left out.
    @Test(arguments: [1, 3], [nil, 40] as [Int?])
    func workIsThatOfTheWeights(layers: Int, embedding: Int?) {
        let model = ModelConfiguration(
            cell: GRUCell.self, hiddenSize: 48, layerCount: layers, embeddingSize: embedding)
        let weights = model.parameterShapes(vocabularySize: 70).filter {
            // A lookup in a table is no product.
            $0.shape.count == 2 && $0.name != "embedding.weight"
                && !(embedding == nil && $0.name == "rnn.weight_ih_l0")
        }
        let count = weights.reduce(0) { $0 + $1.shape.reduce(1, *) }
        #expect(PlanRules.workOfToken(model, vocabularySize: 70) == 6 * Double(count))
    }

    @Test func moreTimeAndMoreTextMakeLargerModels() {
        func size(work: Double, tokens: Int) -> Int {
            PlanRules.hiddenSize(
                work: work, trainingTokens: tokens, model: ModelConfiguration(cell: LSTMCell.self),
                vocabularySize: 60)
        }
        let works = (8...18).map { pow10($0) }
        for tokens in [1, 1_000, 30_000, 1_000_000, 1_000_000_000] {
            let sizes = works.map { size(work: $0, tokens: tokens) }
            #expect(sizes == sizes.sorted() && sizes[0] >= 32)
        }
        for work in works {
            let sizes = [1, 1_000, 30_000, 1_000_000, 1_000_000_000].map { size(work: work, tokens: $0) }
            #expect(sizes == sizes.sorted())
        }
        #expect(size(work: 1e16, tokens: 30_000_000) > size(work: 1e13, tokens: 30_000_000))
    }

    private func pow10(_ exponent: Int) -> Double { (0..<exponent).reduce(1) { product, _ in product * 10 } }

    @Test func moreEpochsNeedMoreDropout() {
        let rules = [0.1, 1, 4, 10, 30, 100, 1e6].map { PlanRules.regularization(epochs: $0) }
        for dropouts in [rules.map(\.dropout), rules.map(\.weightDrop)] {
            #expect(dropouts == dropouts.sorted() && dropouts[0] == 0 && dropouts.allSatisfy { $0 < 0.8 })
        }
    }

    @Test func theLargerTheVocabularyTheShorterTheSequences() {
        let orders = [2, 60, 500, 5_000, 1_000_000].map { PlanRules.ngrams(vocabularySize: $0).order }
        #expect(orders == orders.sorted(by: >) && orders[4] >= 3)
    }

    @Test func longTextsAreBetterReadAsSubwords() throws {
        let text = String(repeating: "time traveller ", count: 100_000)
        #expect(TrainingPlanner.prefersSubwords(try Corpus(text: text)))
        #expect(!TrainingPlanner.prefersSubwords(try Corpus(text: String(text.prefix(1_000_000)))))
        for tokens in [TokenKind.bytes, .words, .subwords] {
            #expect(!TrainingPlanner.prefersSubwords(try Corpus(text: text, tokens: tokens)))
        }
        // A script of many characters.
        let many = String(String.UnicodeScalarView((0x4E00..<0x5300).compactMap(Unicode.Scalar.init)))
        #expect(!TrainingPlanner.prefersSubwords(try Corpus(text: String(repeating: many, count: 1_000))))
    }

    /// Sequences of one step have no recurrent products that could be dropped.
    @Test func aPlanOfSingleStepsIsPossible() async throws {
        let plan = try await planner { model, options in
            (model.hiddenSize, options.epochs, options.sequenceLength) = (16, 60, 1)
            options.partitioning = .random
        }.plan(for: corpus)
        #expect(plan.options.regularization.dropout > 0 && plan.options.regularization.weightDrop == 0)
    }

    @Test(arguments: [1, 2, 33, 700, 5_000, 20_000, 1_000_000]) func shapesFitTheText(tokens: Int) {
        let (B, T) = PlanRules.shape(trainingTokens: tokens)
        #expect(B >= 1 && T >= 1 && (tokens < 64 || B * T * 4 <= tokens))
        #expect((0...0.1).contains(PlanRules.heldOut(tokens: tokens)))
    }
}
