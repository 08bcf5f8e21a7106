import Foundation
import RecipeFiles
import Testing
import UnrollEngine
import UnrollModel
import UnrollRecipes
import UnrollTraining

@Suite struct RecipeTests {
    // MARK: The recipes that come with the program

    @Test(arguments: RecipeCatalog.names) func everyRecipeMakesSense(name: String) throws {
        let recipe = try RecipeCatalog.recipe(name)
        #expect(recipe.name == name)
        #expect(!recipe.title.isEmpty && !recipe.source.isEmpty && !recipe.about.isEmpty)
        let reduced = try #require(try recipe.reduced())
        #expect(reduced.settings.count <= recipe.settings.count)
        #expect(reduced.seeds.count == 1)
        #expect(try reduced.reduced() == nil)
        for setting in reduced.settings where recipe.settings.count == 1 {
            #expect(setting.training.epochs < recipe.settings[0].training.epochs)
        }
    }

    @Test func everyFileIsInTheProgram() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Recipes")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "json" }
        let names = files.map { $0.deletingPathExtension().lastPathComponent }
        #expect(Set(names) == Set(RecipeCatalog.names))
        for file in files {
            let name = file.deletingPathExtension().lastPathComponent
            let recipe = try RecipeCatalog.recipe(name)
            #expect(recipe.text == (try String(contentsOf: file, encoding: .utf8)), "\(name)")
        }
    }

    @Test func namesThatAreNearAreSuggested() {
        #expect(throws: RecipeError.self) { try RecipeCatalog.recipe("gluon-consise") }
        let error = #expect(throws: RecipeError.self) { try RecipeCatalog.recipe("gluon-consise") }
        #expect(error?.description.contains("did you mean 'gluon-concise'?") == true)
        let far = #expect(throws: RecipeError.self) { try RecipeCatalog.recipe("what") }
        #expect(far?.description.contains("unroll recipe list") == true)
    }

    // MARK: Learning

    private func setting(training: String, model: String = "") throws -> RecipeSetting {
        let recipe = try TestRecipe.recipe(
            """
            {
              "model": {"cell": "lstm", "hiddenSize": 8, "embeddingSize": 4\(model)},
              "training": {"batchSize": 4, "validationFraction": 0.2\(training)}
            }
            """)
        return try recipe.setting(named: nil)
    }

    @Test func whatIsLeftOutIsAsInTheOptions() throws {
        let setting = try setting(training: "")
        var expected = TrainingOptions(batchSize: 4, validationFraction: 0.2, seed: 1)
        #expect(setting.options(seed: 1) == expected)
        #expect(setting.model.hiddenSize == 8 && setting.model.embeddingSize == 4)
        #expect(setting.model.layerCount == 1 && setting.model.zoneout == Zoneout())
        // An optimizer's defaults are those of its rule.
        expected.optimizer = Optimizer(
            rule: .adamw(beta1: 0.8), learningRate: 0.002, maxGradientNorm: nil, weightDecay: 0.01)
        #expect(
            try self.setting(
                training: #", "optimizer": {"rule": "adamw", "beta1": 0.8, "maxGradientNorm": null}"#
            ).options(seed: 1) == expected)
    }

    @Test func keysOfLearningAreOptions() throws {
        let setting = try setting(
            training: """
                , "optimizer": {
                  "rule": "nesterov", "momentum": 0.8, "learningRate": 0.5, "maxGradientNorm": 0.25,
                  "weightDecay": 0.001, "averaging": "exponential", "averagingDecay": 0.99
                },
                "schedule": {"decay": "plateau", "warmUpSteps": 7, "factor": 0.3, "patience": 2},
                "validationSteps": 9, "maxRecoveries": 1,
                "earlyStopping": {"patience": 4, "minimumImprovement": 0.01},
                "regularization": {
                  "dropout": 0.2, "usesVariationalDropout": true, "embeddingDropout": 0.1, "weightDrop": 0.3,
                  "labelSmoothing": 0.05
                }
                """, model: #", "zoneout": {"output": 0.05, "memory": 0.4}"#)
        let options = setting.options(seed: 1)
        #expect(
            options.optimizer
                == Optimizer(
                    rule: .nesterov(0.8), learningRate: 0.5, maxGradientNorm: 0.25, weightDecay: 0.001,
                    averaging: .exponential(decay: 0.99)))
        #expect(options.schedule == .init(.plateau(factor: 0.3, patience: 2), warmUpSteps: 7))
        #expect(options.validationSteps == 9 && options.maxRecoveries == 1)
        #expect(options.earlyStopping == EarlyStopping(patience: 4, minimumImprovement: 0.01))
        #expect(
            options.regularization
                == Regularization(
                    dropout: 0.2, usesVariationalDropout: true, embeddingDropout: 0.1, weightDrop: 0.3,
                    labelSmoothing: 0.05))
        #expect(setting.model.zoneout == Zoneout(output: 0.05, memory: 0.4))
    }

    @Test(arguments: [
        (#", "optimizer": {"rule": "adagrad"}"#, "adagrad"),
        (#", "optimizer": {"momentum": 0.5}"#, "'training.optimizer.momentum'"),
        (#", "optimizer": {"averaging": "exponential"}"#, "averagingDecay"),
        (#", "earlyStopping": {"patience": 0}"#, "patience"),
        (#", "earlyStopping": {"minimumEpochs": 2}"#, "'training.earlyStopping.patience' is missing"),
        (#", "schedule": {"decay": "linear"}"#, "linear"),
        (#", "schedule": {"finalRate": 0.1}"#, "'training.schedule.finalRate'"),
        (#", "regularization": {"dropout": 1}"#, "dropout"), (#", "maxRecoveries": -1"#, "maxRecoveries"),
        (#", "seed": 3"#, "'training.seed'"),
    ])
    func learningThatMakesNoSenseIsRefused(training: String, name: String) {
        let error = #expect(throws: RecipeError.self) { try setting(training: training) }
        #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("--") == false, "\(error?.description ?? "")")
    }

    // MARK: Mistakes

    @Test(arguments: [
        (#"{"sedes": [1]}"#, "'sedes'", "'seeds'"),
        (#"{"model": {"cell": "tanh", "hidenSize": 8}}"#, "'model.hidenSize'", "'model.hiddenSize'"),
        (
            #"{"training": {"statefullEpochs": 1}}"#, "'training.statefullEpochs'",
            "'training.statefulEpochs'"
        ),
        (
            #"{"training": {"earlyStopping": {"patienc": 1}}}"#, "'training.earlyStopping.patienc'",
            "'training.earlyStopping.patience'"
        ),
        (
            #"{"variants": [{"name": "a", "training": {"optimizer": {"learnRate": 1}}}]}"#,
            "'training.optimizer.learnRate'", "'training.optimizer.learningRate'"
        ),
        (#"{"variants": [{"name": "a", "modle": {}}]}"#, "'variants.modle'", "'variants.model'"),
        (#"{"expected": [{"figgure": "perplexity"}]}"#, "'expected.figgure'", "'expected.figure'"),
        (
            #"{"reported": {"speeds": [{"by": "x", "tokenPerSecond": 1}]}}"#,
            "'reported.speeds.tokenPerSecond'", "'reported.speeds.tokensPerSecond'"
        ),
        (#"{"samples": {"prompt": ["a"]}}"#, "'samples.prompt'", "'samples.prompts'"),
        (#"{"reduced": {"trainng": {"epochs": 1}}}"#, "'trainng'", "'training'"),
        (#"{"corpus": {"tex": "sample"}}"#, "'corpus.tex'", "'corpus.text'"),
    ])
    func unknownKeysAreRefusedWithASuggestion(changes: String, key: String, suggestion: String) {
        TestRecipe.expectError(changes, naming: "no key \(key)", "did you mean \(suggestion)?")
    }

    @Test func aKeyLikeNoOtherIsRefusedWithAList() {
        TestRecipe.expectError(#"{"qwertz": 1}"#, naming: "'qwertz'", "corpus", "training")
    }

    @Test(arguments: [
        (#"{"model": null}"#, "'model' is missing"),
        (#"{"model": {"cell": "tanh", "hiddenSize": "many"}}"#, "'model.hiddenSize'"),
        (#"{"model": {"cell": "tanhh", "hiddenSize": 8}}"#, "no cell 'tanhh'"),
        (#"{"model": {"cell": "tanh", "hiddenSize": 0}}"#, "hiddenSize is 0"),
        (#"{"model": {"cell": "tanh", "hiddenSize": 8.5}}"#, "'model'"),
        (#"{"model": {"cell": "tanh", "hiddenSize": 8.5}}"#, "'model': there is a number"),
        (#"{"seeds": []}"#, "'seeds'"), (#"{"seeds": [1, 1]}"#, "'seeds'"),
        (#"{"seeds": [-1]}"#, "there is a number"),
        (#"{"title": null}"#, "'title'"), (#"{"variants": []}"#, "'variants'"),
        (#"{"variants": [{"name": "a"}, {"name": "a"}]}"#, "name"), (#"{"variants": [{}]}"#, "name"),
        (#"{"training": {"validationWindows": 5}}"#, "windows"),
        (#"{"samples": {"prompts": [], "length": 5}}"#, "samples.prompts"),
        (#"{"samples": {"prompts": ["a"], "length": 0}}"#, "length"),
        (#"{"samples": {"prompts": ["a"], "length": 5, "strategies": []}}"#, "strategies"),
        (#"{"training": {"validationFraction": 1}}"#, "validationFraction"),
        (
            #"{"expected": [{"figure": "perplexity", "of": "worst", "value": 1e308, "tolerance": 9}]}"#,
            "'expected'"
        ),
        (#"{"samples": {"prompts": ["a"], "length": 5, "strategies": ["alpha"]}}"#, "'alpha'"),
        (#"{"samples": {"prompts": ["a"], "length": 5, "strategies": ["alpha -1"]}}"#, "'alpha -1'"),
        (#"{"reported": {"speeds": [{"by": "x"}]}}"#, "reported.speeds"),
        (
            #"{"expected": [{"figure": "perplexity", "epoch": 9, "of": "worst", "value": 1, "tolerance": 0}]}"#,
            "epoch 9 of 4"
        ),
        (
            #"{"expected": [{"figure": "validationPerplexity", "of": "worst", "value": 1, "tolerance": 0}]}"#,
            "holds nothing out"
        ),
        (
            #"{"expected": [{"setting": "b", "figure": "perplexity", "of": "worst", "value": 1, "tolerance": 0}]}"#,
            "'b'"
        ),
        (
            #"{"expected": [{"figure": "perplexity", "of": "mean", "value": 1, "tolerance": 0}]}"#,
            "'expected.1.of'"
        ),
        (
            #"{"corpus": {"text": "sample", "preprocessing": "letters", "tokens": "characters", "sha256": "0"}}"#,
            "sha256"
        ),
    ])
    func whatMakesNoSenseIsNamed(changes: String, text: String) {
        TestRecipe.expectError(changes, naming: text)
    }

    @Test(arguments: [
        (#""epochs": 0"#, "epochs is 0"), (#""optimizer": {"learningRate": 0}"#, "learningRate is 0"),
        (#""optimizer": {"maxGradientNorm": -1}"#, "maxGradientNorm"),
        (#""partitioning": "sequentail""#, "sequentail"), (#""statefulEpochs": -1"#, "statefulEpochs"),
        (#""epochs": 1e30"#, "number"), (#""batchSize": 0"#, "batchSize"),
        (#""sequenceLength": -3"#, "sequenceLength"),
        (#""partitioning": "random", "statefulEpochs": 1"#, "statefulEpochs needs partitioning"),
    ])
    func trainingThatMakesNoSenseIsRefused(change: String, text: String) {
        TestRecipe.expectError("{\"training\": {\(change)}}", naming: text)
    }

    @Test(arguments: [
        (#"{"detachesState": false}"#, "detachesState"), (#"{"engine": "cratch"}"#, "cratch"),
        (#"{"engine": "tensors", "training": {}}"#, "without recoveries"),
    ])
    func enginesThatMakeNoSenseAreRefused(changes: String, text: String) {
        TestRecipe.expectError(changes, naming: text)
    }

    @Test(arguments: ["", "{", "[]", "3", "\"a\"", "{\"title\": 1}", "\u{0}", "nul"])
    func whatIsNoRecipeIsRefused(text: String) {
        #expect(throws: RecipeError.self) { try Recipe(jsonData: Data(text.utf8), name: "trial") }
    }

    // MARK: Settings

    @Test func variantsChangeWhatTheyName() throws {
        let recipe = try TestRecipe.recipe(
            #"""
            {
              "variants": [
                {"name": "a"},
                {
                  "name": "b", "model": {"hiddenSize": 9, "hasSingleBias": false}, "corpus": {"limit": null},
                  "training": {"optimizer": {"maxGradientNorm": null}}
                }
              ]
            }
            """#)
        #expect(recipe.settings.map(\.name) == ["a", "b"])
        #expect(recipe.settings[0].model.hiddenSize == 8)
        #expect(recipe.settings[1].model.hiddenSize == 9)
        #expect(recipe.settings[1].model.cell is TanhCell.Type)
        #expect(!recipe.settings[1].model.hasSingleBias)
        #expect(recipe.settings[0].corpus.limit == 400)
        #expect(recipe.settings[1].corpus.limit == nil)
        // Null says that there is none, and does not bring back a default.
        var training = recipe.settings[0].training
        #expect(training.optimizer.maxGradientNorm == 1)
        training.optimizer.maxGradientNorm = nil
        #expect(recipe.settings[1].training == training)
        #expect(try recipe.setting(named: "b").name == "b")
        for name in [nil, "c"] {
            let error = #expect(throws: RecipeError.self) { try recipe.setting(named: name) }
            #expect(error?.description.contains("'a', 'b'") == true)
        }
    }

    @Test func theShortFormChangesWhatItNames() throws {
        let recipe = try TestRecipe.recipe(#"{"reduced": {"training": {"epochs": 2}, "seeds": [5]}}"#)
        let short = try #require(try recipe.reduced())
        #expect(short.settings[0].training.epochs == 2)
        #expect(short.settings[0].training.batchSize == 4)
        #expect(short.seeds == [5])
        #expect(recipe.settings[0].training.epochs == 4)
    }

    @Test func seedsAndEpochsCanBeChanged() throws {
        let recipe = try TestRecipe.recipe(
            #"""
            {
              "variants": [{"name": "a"}, {"name": "b", "training": {"epochs": 9}}],
              "expected": [
                {"setting": "a", "figure": "perplexity", "epoch": 4, "of": "worst", "value": 1, "tolerance": 0}
              ]
            }
            """#)
        let changed = try recipe.changed(seeds: [7, .max], epochs: 2)
        #expect(changed.seeds == [7, .max])
        #expect(changed.settings.map(\.training.epochs) == [2, 2])
        #expect(changed.expected.isEmpty)
        #expect(throws: RecipeError.self) { try recipe.changed(epochs: 0) }
        #expect(try recipe.changed(seeds: [1]).expected.count == 1)
        #expect(try recipe.changed(isOfAnotherText: true).expected.isEmpty)
    }
}
