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
              "split": {"validation": 0.2}, "model": {"cell": "lstm", "hidden": 8, "embedding": 4\(model)},
              "training": {
                "epochs": 4, "batch": 4, "steps": 5, "sampling": "sequential", "learningRate": 0.5, "clip": 0.25,
                "initializer": "uniform"\(training)
              }
            }
            """)
        return try recipe.setting(named: nil)
    }

    @Test func keysOfLearningAreOptions() throws {
        let plain = try setting(training: "").options(seed: 1)
        #expect(plain.optimizer == Optimizer(learningRate: 0.5, maxGradientNorm: 0.25))
        #expect(plain.schedule == LearningRateSchedule() && plain.recoveries == 0)

        let setting = try setting(
            training: """
                , "optimizer": "nesterov", "momentum": 0.8, "weightDecay": 0.001, "averageDecay": 0.99,
                "schedule": "plateau", "warmup": 7, "decay": 0.3, "decayAfter": 2, "validateSteps": 9,
                "patience": 4, "minimumImprovement": 0.01, "minimumEpochs": 2, "recoveries": 1, "dropout": 0.2,
                "variational": true, "embeddingDropout": 0.1, "weightDrop": 0.3, "labelSmoothing": 0.05
                """, model: #", "zoneout": 0.05, "zoneoutMemory": 0.4"#)
        let options = setting.options(seed: 1)
        #expect(
            options.optimizer
                == Optimizer(
                    rule: .nesterov(0.8), learningRate: 0.5, maxGradientNorm: 0.25, weightDecay: 0.001,
                    averaging: .exponential(decay: 0.99)))
        #expect(options.schedule == .init(.plateau(factor: 0.3, patience: 2), warmUpSteps: 7))
        #expect(options.validationSteps == 9 && options.recoveries == 1)
        #expect(
            options.earlyStopping
                == EarlyStopping(patience: 4, minimumImprovement: 0.01, minimumEpochs: 2))
        #expect(
            options.regularization
                == Regularization(
                    dropout: 0.2, usesVariationalDropout: true, embeddingDropout: 0.1, weightDrop: 0.3,
                    labelSmoothing: 0.05))
        #expect(try setting.configuration().zoneout == Zoneout(output: 0.05, memory: 0.4))
    }

    @Test(arguments: [
        (#", "momentum": 0.5"#, "--momentum"), (#", "patience": 0"#, "--patience"),
        (#", "minimumEpochs": 2"#, "patience"), (#", "schedule": "linear""#, "schedule"),
        (#", "finalRate": 0.1"#, "--final-rate"), (#", "dropout": 1"#, "dropout"),
        (#", "recoveries": -1"#, "--recoveries"),
    ])
    func learningThatMakesNoSenseIsRefused(training: String, name: String) {
        let error = #expect(throws: RecipeError.self) { try setting(training: training) }
        #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
    }

    // MARK: Mistakes

    @Test(arguments: [
        (#"{"sedes": [1]}"#, "'sedes'", "'seeds'"),
        (#"{"model": {"cell": "tanh", "hiden": 8, "hidden": 8}}"#, "'model.hiden'", "'model.hidden'"),
        (#"{"split": {"validaton": 0.1}}"#, "'split.validaton'", "'split.validation'"),
        (
            #"{"variants": [{"name": "a", "training": {"cllip": 0}}]}"#, "'training.cllip'",
            "'training.clip'"
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
        (#"{"model": {"cell": "tanh"}}"#, "'model.hidden' is missing"),
        (#"{"model": {"cell": "tanh", "hidden": "many"}}"#, "'model.hidden'"),
        (#"{"model": {"cell": "tanhh", "hidden": 8}}"#, "no cell 'tanhh'"),
        (#"{"model": {"cell": "tanh", "hidden": 0}}"#, "hidden"),
        (#"{"model": {"cell": "tanh", "hidden": 8.5}}"#, "'model'"),
        (#"{"model": {"cell": "tanh", "hidden": 8.5}}"#, "'model': there is a number"),
        (#"{"seeds": []}"#, "'seeds'"), (#"{"seeds": [1, 1]}"#, "'seeds'"),
        (#"{"seeds": [-1]}"#, "there is a number"),
        (#"{"title": null}"#, "'title'"), (#"{"variants": []}"#, "'variants'"),
        (#"{"variants": [{"name": "a"}, {"name": "a"}]}"#, "name"), (#"{"variants": [{}]}"#, "name"),
        (#"{"split": {"validationWindows": 5}}"#, "windows"),
        (#"{"samples": {"prompts": [], "length": 5}}"#, "samples.prompts"),
        (#"{"samples": {"prompts": ["a"], "length": 0}}"#, "length"),
        (#"{"samples": {"prompts": ["a"], "length": 5, "strategies": []}}"#, "strategies"),
        (#"{"split": {"validation": 1}}"#, "split.validation"),
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
            #"{"corpus": {"text": "sample", "preprocess": "letters", "tokens": "characters", "sha256": "0"}}"#,
            "sha256"
        ),
    ])
    func whatMakesNoSenseIsNamed(changes: String, text: String) {
        TestRecipe.expectError(changes, naming: text)
    }

    @Test(arguments: [
        (#""epochs": 0"#, "--epochs"), (#""learningRate": 0"#, "--learning-rate"),
        (#""clip": -1"#, "--clip"), (#""sampling": "sequentail""#, "sequentail"),
        (#""carriedEpochs": -1"#, "--carried-epochs"), (#""detachesState": false"#, "detachesState"),
        (#""level": "cratch""#, "cratch"), (#""epochs": 1e30"#, "number"), (#""batch": 0"#, "training.batch"),
        (#""steps": -3"#, "training.steps"),
        (#""sampling": "random", "carriedEpochs": 1"#, "--carried-epochs"),
    ])
    func trainingThatMakesNoSenseIsRefused(change: String, text: String) {
        let training = #""epochs": 4, "batch": 4, "steps": 5, "sampling": "sequential", "learningRate": 0.5"#
        let rest = #""clip": 1, "initializer": "normal""#
        // The last of two equal keys counts.
        TestRecipe.expectError("{\"training\": {\(training), \(rest), \(change)}}", naming: text)
    }

    @Test(arguments: ["", "{", "[]", "3", "\"a\"", "{\"title\": 1}", "\u{0}", "nul"])
    func whatIsNoRecipeIsRefused(text: String) {
        #expect(throws: RecipeError.self) { try Recipe(jsonData: Data(text.utf8), name: "trial") }
    }

    // MARK: Settings

    @Test func variantsChangeWhatTheyName() throws {
        let recipe = try TestRecipe.recipe(
            #"{"variants": [{"name": "a"}, {"name": "b", "model": {"hidden": 9, "singleBias": null}, "corpus": {"limit": null}}]}"#
        )
        #expect(recipe.settings.map(\.name) == ["a", "b"])
        #expect(recipe.settings[0].model.hidden == 8)
        #expect(recipe.settings[1].model.hidden == 9)
        #expect(recipe.settings[1].model.cell == "tanh")
        #expect(recipe.settings[1].model.singleBias == nil)
        #expect(recipe.settings[0].corpus.limit == 400)
        #expect(recipe.settings[1].corpus.limit == nil)
        #expect(recipe.settings[1].training == recipe.settings[0].training)
        #expect(try recipe.setting(named: "b") == recipe.settings[1])
        for name in [nil, "c"] {
            let error = #expect(throws: RecipeError.self) { try recipe.setting(named: name) }
            #expect(error?.description.contains("'a', 'b'") == true)
        }
    }

    @Test func theShortFormChangesWhatItNames() throws {
        let recipe = try TestRecipe.recipe(#"{"reduced": {"training": {"epochs": 2}, "seeds": [5]}}"#)
        let short = try #require(try recipe.reduced())
        #expect(short.settings[0].training.epochs == 2)
        #expect(short.settings[0].training.batch == 4)
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
