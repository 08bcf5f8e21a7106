import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText
import UnrollTraining

/// Reads the parts of a recipe, and says what is wrong with them.
struct RecipeReader {
    let recipe: String

    /// A recipe as it is written: sections with defaults of their own are read later.
    struct Document: Codable {
        let title: String
        let source: String
        let about: String
        let corpus: JSONValue?
        let model: JSONValue?
        let training: JSONValue?
        let engine: RecipeSetting.Engine?
        let detachesState: Bool?
        let seeds: [UInt64]
        let variants: [JSONValue]?
        let samples: SamplesSection?
        let reported: ReportedSection?
        let expected: [Expectation]?
        let reduced: JSONValue?
    }

    /// What a variant may change.
    private struct Variant: Codable {
        let name: String
        let corpus: JSONValue?
        let model: JSONValue?
        let training: JSONValue?
        let engine: RecipeSetting.Engine?
        let detachesState: Bool?
    }

    func document(of tree: JSONValue) throws(RecipeError) -> Document {
        guard case .object = tree else { throw invalid("it is not a JSON object") }
        if case .array = tree["variants"] ?? .array([]) {
            return try reading { try tree.decoded() }
        }
        throw invalid("'variants' must be a list of objects, each with a name")
    }

    func settings(of tree: JSONValue, _ document: Document) throws(RecipeError) -> [RecipeSetting] {
        guard let variants = document.variants else { return [try setting(of: tree, name: "")] }
        guard !variants.isEmpty else {
            throw invalid("'variants' must be a list of objects, each with a name")
        }
        var settings: [RecipeSetting] = []
        for json in variants {
            let variant: Variant = try reading { try json.decoded(at: "variants") }
            guard !variant.name.isEmpty, !settings.contains(where: { $0.name == variant.name }) else {
                throw invalid("every variant needs a 'name' of its own")
            }
            settings.append(try setting(of: tree.overlaid(with: json), name: variant.name))
        }
        return settings
    }

    private func setting(of tree: JSONValue, name: String) throws(RecipeError) -> RecipeSetting {
        func section(_ key: String) throws(RecipeError) -> JSONValue {
            guard let section = tree[key], case .object = section else {
                throw invalid("'\(key)' is missing")
            }
            return section
        }
        let (corpus, model, training) = (try section("corpus"), try section("model"), try section("training"))
        guard training["seed"] == nil else {
            throw invalid("'training.seed' is one of 'seeds'; leave it out")
        }
        return RecipeSetting(
            name: name, corpus: try reading { try corpus.decoded(at: "corpus") },
            model: try reading { try ModelConfiguration(json: model) },
            training: try reading { try TrainingOptions(json: training) },
            engine: try reading { try tree["engine"]?.decoded(at: "engine") } ?? .fused,
            detachesState: try reading { try tree["detachesState"]?.decoded(at: "detachesState") } ?? true)
    }

    /// Reads something, with its errors as the recipe's.
    private func reading<Value>(_ read: () throws -> Value) throws(RecipeError) -> Value {
        do {
            return try read()
        } catch JSONFormError.unknownKey(let path, let suggestion, let known) {
            throw .unknownKey(recipe: recipe, key: path, suggestion: suggestion, known: known)
        } catch {
            throw invalid("\(error)")
        }
    }

    // MARK: Sense

    func check(_ recipe: Recipe) throws(RecipeError) {
        guard !recipe.seeds.isEmpty, Set(recipe.seeds).count == recipe.seeds.count else {
            throw invalid("'seeds' must be a list of different whole numbers")
        }
        for setting in recipe.settings { try check(setting) }
        if let samples = recipe.samples { try check(samples) }
        for speed in recipe.reported.speeds ?? [] {
            let units = [speed.tokensPerSecond, speed.secondsPerEpoch].compactMap { $0 }
            guard units.count == 1, units[0] > 0 else {
                throw invalid("each of 'reported.speeds' needs tokensPerSecond or secondsPerEpoch, above 0")
            }
        }
        for expectation in recipe.expected { try check(expectation, of: recipe) }
    }

    private func check(_ expectation: Expectation, of recipe: Recipe) throws(RecipeError) {
        let names = recipe.settings.map(\.name)
        guard let setting = try? recipe.setting(named: expectation.setting) else {
            throw invalid(
                names == [""]
                    ? "'expected.setting' names '\(expectation.setting ?? "")', but there are no variants"
                    : "'expected.setting' must be one of '\(names.joined(separator: "', '"))'")
        }
        guard expectation.value > 0, expectation.tolerance >= 0, expectation.bound.isFinite else {
            throw invalid("a value of 'expected' must be above 0, and a tolerance at least 0")
        }
        if let epoch = expectation.epoch, !(1...max(1, setting.training.epochs)).contains(epoch) {
            throw invalid("'expected' names epoch \(epoch) of \(setting.training.epochs)")
        }
        guard expectation.figure == .perplexity || setting.isHeldOut else {
            throw invalid("'expected' names a validationPerplexity, but 'training' holds nothing out")
        }
    }

    private func check(_ setting: RecipeSetting) throws(RecipeError) {
        // Parameters have the names of the recipe's keys.
        try reading {
            try Vocabulary.check(size: setting.corpus.vocabularySize, of: setting.corpus.tokens)
            try setting.model.check()
            try setting.training.check()
            try setting.training.check(isHeldOut: setting.isHeldOut)
            try setting.training.check(for: setting.model)
        }
        let counts = [
            ("corpus.minimumFrequency", setting.corpus.minimumFrequency ?? 1),
            ("corpus.limit", setting.corpus.limit ?? 1),
        ]
        if let (key, value) = counts.first(where: { $0.1 < 1 }) {
            throw invalid("'\(key)' is \(value) but must be at least 1")
        }
        // Paths of the system end at a null character; an empty one would be the recipe's own folder.
        if setting.corpus.text.allSatisfy(\.isWhitespace) || setting.corpus.text.contains("\0") {
            throw invalid(
                "'corpus.text' is '\(setting.corpus.text)' but must be the name of a text or a path")
        }
        if setting.corpus.text == "sample", setting.corpus.sha256 != nil {
            throw invalid("the text 'sample' is part of the program; leave out 'corpus.sha256'")
        }
        if let sha256 = setting.corpus.sha256, sha256.wholeMatch(of: /[0-9a-f]{64}/) == nil {
            throw invalid("'corpus.sha256' must be 64 hexadecimal digits in lower case")
        }
        guard setting.engine == .tensors else {
            guard setting.detachesState else {
                throw invalid("'detachesState' can be false only where 'engine' is \"tensors\"")
            }
            return
        }
        let (model, training) = (setting.model, setting.training)
        let isPlain =
            setting.learnsPlainly && ["tanh", "relu"].contains(model.cell.name) && model.layerCount == 1
            && model.embeddingSize == nil && model.hasSingleBias && model.ngrams == nil
            && training.precision == .float32
            && !setting.isHeldOut && training.testFraction == nil && training.trainingWindows == nil
        guard isPlain else {
            throw invalid(
                "with \"tensors\" as 'engine' a model is one layer of tanh or relu with one-hot inputs and a single bias, in float32, trained by sgd at one rate without recoveries, and nothing is held out"
            )
        }
    }

    private func check(_ samples: SamplesSection) throws(RecipeError) {
        guard samples.length >= 1, samples.every ?? 1 >= 1, samples.count ?? 1 >= 1 else {
            throw invalid("'samples': length, every and count must be at least 1")
        }
        guard !samples.prompts.isEmpty, !samples.prompts.contains("") else {
            throw invalid("'samples.prompts' must name something to continue")
        }
        guard samples.strategies?.isEmpty != true else {
            throw invalid("'samples.strategies' is empty; leave it out for greedy, or name some")
        }
        for name in samples.strategies ?? [] where SamplesSection.strategy(name) == nil {
            throw invalid(
                "'samples.strategies' has '\(name)', which is not 'greedy', 'temperature X' or 'alpha X'")
        }
    }

    private func invalid(_ reason: String) -> RecipeError {
        .invalid(recipe: recipe, reason: reason)
    }
}

extension JSONValue {
    /// This document with the members of another laid over it.
    ///
    /// Unlike in a merge, null stays: where a value has a default, null says that it has none.
    func overlaid(with other: JSONValue) -> JSONValue {
        guard case .object(let changes) = other, case .object(var members) = self else { return other }
        for (key, change) in changes { members[key] = members[key]?.overlaid(with: change) ?? change }
        return .object(members)
    }
}
