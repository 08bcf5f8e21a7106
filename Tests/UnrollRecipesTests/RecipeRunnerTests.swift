import Foundation
import Testing
import UnrollEngine
import UnrollModel
import UnrollRecipes
import UnrollTestSupport
import UnrollText
import UnrollTraining

@Suite struct RecipeRunnerTests {
    @Test func aRunIsWhatATrainerDoes() async throws {
        let recipe = try TestRecipe.recipe(
            #"{"training": {"epochs": 4, "batchSize": 4, "sequenceLength": 5, "optimizer": {"learningRate": 0.5}, "validationFraction": 0.3}}"#
        )
        let result = try await RecipeRunner(recipe, engine: .cpu(threads: 1)).run {
            try TestRecipe.corpus($0)
        }
        #expect(result.settings.count == 1)
        #expect(result.settings[0].runs.map(\.seed) == [1, 2, 3])
        for run in result.settings[0].runs {
            let trainer = try Trainer(
                corpus: try TestRecipe.corpus(recipe.settings[0]),
                model: .init(cell: TanhCell.self, hiddenSize: 8, hasSingleBias: true),
                options: .init(
                    epochs: 4, batchSize: 4, sequenceLength: 5, validationFraction: 0.3,
                    optimizer: .init(learningRate: 0.5, maxGradientNorm: 1), initializer: .uniform,
                    seed: run.seed))
            var reports: [EpochReport] = []
            for try await case .epoch(let report) in trainer.run() { reports.append(report) }
            #expect(run.perplexity == reports.map(\.perplexity))
            #expect(run.validationPerplexity == reports.compactMap(\.validationPerplexity))
            #expect(run.validationPerplexity.count == 4)
            #expect(run.tokens > 0 && run.tokens.isMultiple(of: 20))
        }
    }

    @Test(arguments: [2, 3, 5]) func processesShareOutTheNetworks(size: Int) async throws {
        func figures(_ result: RecipeResult) -> [[Double]] {
            result.settings.flatMap { $0.runs.map { [Double($0.seed)] + $0.perplexity } }
        }
        let recipe = try TestRecipe.recipe()
        let alone = figures(try await TestRecipe.result())
        #expect(alone.count == 3)
        let results = LocalProcessGroup.runTasks(size) { group in
            try await RecipeRunner(recipe, engine: .cpu(threads: 1), group: group).run {
                try TestRecipe.corpus($0)
            }
        }
        for result in results { #expect(figures(try result.get()) == alone) }
    }

    @Test func theLevelOfTensorsTrainsTheSameNetwork() async throws {
        func perplexities(
            _ engine: String, _ more: String = "", training: String = ""
        ) async throws -> [[Double]] {
            let result = try await TestRecipe.result(
                """
                {"training": {"epochs": 4, "batchSize": 4, "sequenceLength": 5, "optimizer": {"learningRate": 0.5},
                "maxRecoveries": 0 \(training)}, "engine": "\(engine)" \(more)}
                """)
            return result.settings[0].runs.map(\.perplexity)
        }
        let (engine, scratch) = (try await perplexities("fused"), try await perplexities("tensors"))
        #expect(engine.map(\.count) == [4, 4, 4])
        for (a, b) in zip(engine.joined(), scratch.joined()) { #expect(abs(a / b - 1) < 1e-4) }
        #expect(scratch.map(\.count) == [4, 4, 4])
        // Without detaching, the gradient of all but the first minibatch is another one.
        let attached = try await perplexities("tensors", #", "detachesState": false"#)
        #expect(attached.map { $0[0] } != scratch.map { $0[0] })
        #expect(attached.joined().allSatisfy { $0 > 1 && $0 < 40 })
        let fresh = #", "statefulEpochs": 2"#
        for (a, b) in zip(
            try await perplexities("fused", training: fresh).joined(),
            try await perplexities("tensors", training: fresh).joined())
        { #expect(abs(a / b - 1) < 1e-4) }
    }

    @Test func withoutDetachingTheTapeOfTheFirstMinibatchIsKept() async throws {
        func result(_ more: String = "") async throws -> RunResult {
            try await TestRecipe.result(
                """
                {"corpus": {"text": "sample", "preprocessing": "letters", "tokens": "characters", "limit": 42},
                "seeds": [1], "training": {"epochs": 2, "batchSize": 4, "sequenceLength": 5,
                "partitioning": "consecutive", "optimizer": {"learningRate": 1, "maxGradientNorm": null},
                "maxRecoveries": 0}, "engine": "tensors" \(more)}
                """
            ).settings[0].runs[0]
        }
        let (detached, attached) = (try await result(), try await result(#", "detachesState": false"#))
        // After the first epoch they are two networks.
        #expect(abs(attached.perplexity[1] / detached.perplexity[1] - 1) > 1e-4)
        // The bytes are those of the process, and other tests add theirs: the least of several is its own.
        var bytes = (try #require(attached.tensorBytes), try #require(detached.tensorBytes))
        for _ in 0..<8 {
            bytes.0 = min(bytes.0, try #require(await result(#", "detachesState": false"#).tensorBytes))
            bytes.1 = min(bytes.1, try #require(await result().tensorBytes))
        }
        #expect(bytes.0 > bytes.1)
    }

    @Test func samplesAreWrittenWhenTheyAreDue() async throws {
        let result = try await TestRecipe.result(
            #"""
            {
              "seeds": [1],
              "samples": {
                "prompts": ["the", "lamp"], "length": 7, "every": 3, "count": 2,
                "strategies": ["greedy", "temperature 1"]
              }
            }
            """#)
        let samples = result.settings[0].runs[0].samples
        #expect(samples.map(\.epoch) == [3, 3, 3, 3, 4, 4, 4, 4])
        #expect(samples.map(\.prompt) == ["the", "the", "lamp", "lamp", "the", "the", "lamp", "lamp"])
        #expect(samples.allSatisfy { $0.texts.count == 2 && $0.texts.allSatisfy { $0.count == 7 } })
        #expect(samples[0].texts[0] == samples[0].texts[1])
        // Twice the same four runs of four, at least, are at most half of all.
        #expect(samples[0].diversity <= 0.5 && samples[0].diversity > 0)
        #expect(samples[1].texts[0] != samples[1].texts[1])
        #expect(samples[1].diversity > samples[0].diversity)
    }

    @Test func divergenceIsAResult() async throws {
        let changes = #"""
            {
              "model": {"cell": "relu", "hiddenSize": 8, "hasSingleBias": true}, "seeds": [1],
              "training": {
                "epochs": 30, "batchSize": 4, "sequenceLength": 5,
                "optimizer": {"learningRate": 1e6, "maxGradientNorm": null}, "maxRecoveries": 0
              },
              "expected": [{"figure": "perplexity", "of": "worst", "value": 100, "tolerance": 0}]
            }
            """#
        let result = try await TestRecipe.result(changes)
        let run = result.settings[0].runs[0]
        let epoch = try #require(run.divergedInEpoch)
        #expect(run.perplexity.count == epoch - 1)
        #expect(!result.isAsExpected)
        #expect(result.verdicts[0].found == .infinity)
        var table = RecipeTable()
        table.add(result, of: try TestRecipe.recipe(changes))
        #expect(table.markdown.contains("diverged in epoch \(epoch)"))
        // Nothing was held out.
        #expect(!table.markdown.contains("held out"))
        #expect(table.markdown.contains("no: worst diverged, at most 100.000"))
    }

    @Test func verdictsAreOnTheWorstOrTheMedianOfTheSeeds() async throws {
        func result(_ of: String, _ value: Double, _ tolerance: Double = 0, epoch: Int) async throws
            -> RecipeResult
        {
            try await TestRecipe.result(
                """
                {"expected": [{"figure": "perplexity", "of": "\(of)", "value": \(value), "tolerance": \(tolerance),
                "epoch": \(epoch)}]}
                """)
        }
        let runs = try await TestRecipe.result().settings[0].runs
        for epoch in [2, 4] {
            let sorted = runs.map { $0.perplexity[epoch - 1] }.sorted()
            #expect(sorted[0] < sorted[1] && sorted[1] < sorted[2])
            #expect(try await result("worst", sorted[2], epoch: epoch).isAsExpected)
            #expect(try await !result("worst", sorted[2] - 1e-9, epoch: epoch).isAsExpected)
            #expect(try await result("worst", sorted[2] / 1.1, 0.100001, epoch: epoch).isAsExpected)
            #expect(try await result("median", sorted[1], epoch: epoch).isAsExpected)
            #expect(try await !result("median", sorted[1] - 1e-9, epoch: epoch).isAsExpected)
        }
    }

    @Test func theMeanOfExponentialsIsNeverLess() async throws {
        let result = try await TestRecipe.result(
            #"""
            {
              "training": {
                "epochs": 2, "batchSize": 8, "sequenceLength": 5, "partitioning": "windows",
                "trainingWindows": 100, "validationWindows": 48, "optimizer": {"learningRate": 0.5}
              }
            }
            """#)
        for run in result.settings[0].runs {
            let mean = try #require(run.meanOfExponentials)
            let perplexity = try #require(run.validationPerplexity.last)
            #expect(mean > perplexity && mean < 1.2 * perplexity)
        }
        #expect(try await TestRecipe.result().settings[0].runs[0].meanOfExponentials == nil)
    }

    @Test func aTextThatIsTooShortIsTheTextsError() async throws {
        let error = await #expect(throws: TextError.self) {
            try await TestRecipe.result(
                #"{"corpus": {"text": "sample", "preprocessing": "letters", "tokens": "characters", "limit": 9}}"#
            )
        }
        #expect(
            error?.description.contains("the text has 9 tokens") == true
                && error?.description.contains("needs 26") == true)
    }

    @Test func aCancelledRunStops() async throws {
        let recipe = try TestRecipe.recipe()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await RecipeRunner(recipe, engine: .cpu(threads: 1)).run { try TestRecipe.corpus($0) }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
