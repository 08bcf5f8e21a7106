import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTraining

/// Reads the parts of a recipe, and says what is wrong with them.
struct RecipeReader {
    let recipe: String

    /// What a recipe consists of.
    enum Keys: String, CodingKey, CaseIterable {
        case title, source, about, corpus, split, model, training, seeds, variants, samples, reported,
            expected,
            reduced
    }

    /// What a variant may change.
    private enum VariantKeys: String, CodingKey, CaseIterable {
        case name, corpus, split, model, training
    }

    struct Header: Decodable {
        let title: String
        let source: String
        let about: String
        let seeds: [UInt64]
        let samples: SamplesSection?
        let reported: ReportedSection?
        let expected: [Expectation]?
    }

    func header(of tree: JSONValue) throws(RecipeError) -> Header {
        guard case .object = tree else { throw invalid("it is not a JSON object") }
        try checkKeys(of: tree, Keys.self)
        try checkKeys(of: tree["samples"], SamplesSection.CodingKeys.self, at: "samples")
        try checkKeys(of: tree["reported"], ReportedSection.CodingKeys.self, at: "reported")
        for point in elements(of: tree["reported"]?["curve"]) {
            try checkKeys(of: point, ReportedSection.CurvePoint.CodingKeys.self, at: "reported.curve")
        }
        for speed in elements(of: tree["reported"]?["speeds"]) {
            try checkKeys(of: speed, ReportedSection.Speed.CodingKeys.self, at: "reported.speeds")
        }
        for expectation in elements(of: tree["expected"]) {
            try checkKeys(of: expectation, Expectation.CodingKeys.self, at: "expected")
        }
        return try decode(Header.self, from: tree)
    }

    func settings(of tree: JSONValue) throws(RecipeError) -> [RecipeSetting] {
        guard let variants = tree["variants"] else { return [try setting(of: tree, name: "")] }
        guard case .array(let variants) = variants, !variants.isEmpty else {
            throw invalid("'variants' must be a list of objects, each with a name")
        }
        var settings: [RecipeSetting] = []
        for variant in variants {
            try checkKeys(of: variant, VariantKeys.self, at: "variants")
            guard case .string(let name) = variant["name"], !name.isEmpty,
                !settings.contains(where: { $0.name == name })
            else { throw invalid("every variant needs a 'name' of its own") }
            settings.append(try setting(of: tree.merged(with: variant), name: name))
        }
        return settings
    }

    private func setting(of tree: JSONValue, name: String) throws(RecipeError) -> RecipeSetting {
        func section<Section: Decodable>(
            _: Section.Type, _ keys: (some CodingKey & CaseIterable).Type, _ path: String
        ) throws(RecipeError) -> Section {
            guard let section = tree[path] else { throw invalid("'\(path)' is missing") }
            try checkKeys(of: section, keys, at: path)
            return try decode(Section.self, from: section, at: path)
        }
        typealias Setting = RecipeSetting
        return RecipeSetting(
            name: name,
            corpus: try section(Setting.CorpusSection.self, Setting.CorpusSection.CodingKeys.self, "corpus"),
            split: tree["split"] == nil
                ? Setting.SplitSection()
                : try section(Setting.SplitSection.self, Setting.SplitSection.CodingKeys.self, "split"),
            model: try section(Setting.ModelSection.self, Setting.ModelSection.CodingKeys.self, "model"),
            training: try section(
                Setting.TrainingSection.self, Setting.TrainingSection.CodingKeys.self, "training"))
    }

    // MARK: Sense

    func check(_ recipe: Recipe) throws(RecipeError) {
        guard !recipe.seeds.isEmpty, Set(recipe.seeds).count == recipe.seeds.count else {
            throw invalid("'seeds' must be a list of different whole numbers")
        }
        for setting in recipe.settings { try check(setting, seed: recipe.seeds[0]) }
        if let samples = recipe.samples { try check(samples) }
        for speed in recipe.reported.speeds ?? [] {
            let units = [speed.tokensPerSecond, speed.secondsPerEpoch].compactMap { $0 }
            guard units.count == 1, units[0] > 0 else {
                throw invalid("each of 'reported.speeds' needs tokensPerSecond or secondsPerEpoch, above 0")
            }
        }
        for expectation in recipe.expected {
            let names = recipe.settings.map(\.name)
            guard let setting = try? recipe.setting(named: expectation.setting) else {
                throw invalid(
                    names == [""]
                        ? "'expected.setting' names '\(expectation.setting ?? "")', but there are no variants"
                        : "'expected.setting' must be one of '\(names.joined(separator: "', '"))'")
            }
            guard expectation.value > 0, expectation.tolerance >= 0, expectation.bound.isFinite else {
                throw invalid("a value of 'expected' must be above 0, and a tolerance not below")
            }
            if let epoch = expectation.epoch, !(1...max(1, setting.training.epochs)).contains(epoch) {
                throw invalid("'expected' names epoch \(epoch) of \(setting.training.epochs)")
            }
            guard expectation.figure == .perplexity || setting.isHeldOut else {
                throw invalid("'expected' names a validationPerplexity, but 'split' holds nothing out")
            }
        }
    }

    private func check(_ setting: RecipeSetting, seed: UInt64) throws(RecipeError) {
        let cells = ModelConfiguration.builtInCells.map { $0.name }
        guard cells.contains(setting.model.cell) else {
            throw invalid("there is no cell '\(setting.model.cell)'; known: \(cells.joined(separator: ", "))")
        }
        do {
            let configuration = try setting.configuration()
            let options = setting.options(seed: seed)
            try setting.learning.check()
            try options.check()
            try options.check(isHeldOut: setting.isHeldOut)
            try options.regularization.check(for: configuration)
        } catch {
            throw invalid("\(error)")
        }
        let counts = [
            ("training.batch", setting.training.batch), ("training.steps", setting.training.steps),
            ("corpus.minimumFrequency", setting.corpus.minimumFrequency ?? 1),
            ("corpus.limit", setting.corpus.limit ?? 1),
        ]
        if let (key, value) = counts.first(where: { $0.1 < 1 }) {
            throw invalid("'\(key)' is \(value) but must be at least 1")
        }
        if let share = setting.split.validation, !(share > 0 && share < 1) {
            throw invalid("'split.validation' is \(share) but must be between 0 and 1")
        }
        if setting.corpus.text == "sample", setting.corpus.sha256 != nil {
            throw invalid("the text 'sample' is part of the program; leave out 'corpus.sha256'")
        }
        if let sha256 = setting.corpus.sha256, sha256.wholeMatch(of: /[0-9a-f]{64}/) == nil {
            throw invalid("'corpus.sha256' must be 64 hexadecimal digits in lower case")
        }
        let (model, training) = (setting.model, setting.training)
        if training.patience == nil, training.minimumImprovement != nil || training.minimumEpochs != nil {
            throw invalid("'training.minimumImprovement' and 'minimumEpochs' need 'training.patience'")
        }
        guard training.level == .scratch else {
            if training.detachesState == false {
                throw invalid("'training.detachesState' can be false where 'training.level' is \"scratch\"")
            }
            return
        }
        let isPlain =
            setting.learnsPlainly && ["tanh", "relu"].contains(model.cell) && model.layers ?? 1 == 1
            && model.embedding == nil
            && model.singleBias == true && training.precision == nil
            && setting.split == RecipeSetting.SplitSection()
        guard isPlain else {
            throw invalid(
                "at the level \"scratch\" a model is one layer of tanh or relu with one-hot inputs and a singleBias, in float32, learned by sgd at one rate, and nothing is held out"
            )
        }
    }

    private func check(_ samples: SamplesSection) throws(RecipeError) {
        guard samples.length >= 1, samples.every ?? 1 >= 1, samples.count ?? 1 >= 1 else {
            throw invalid("'samples': length, every and count must be at least 1")
        }
        guard !samples.prompts.isEmpty, !samples.prompts.contains("") else {
            throw invalid("'samples.prompts' must name something to go on from")
        }
        guard samples.strategies?.isEmpty != true else {
            throw invalid("'samples.strategies' is empty; leave it out for greedy, or name some")
        }
        for name in samples.strategies ?? [] where SamplesSection.strategy(name) == nil {
            throw invalid(
                "'samples.strategies' has '\(name)', which is not 'greedy', 'temperature X' or 'alpha X'")
        }
    }

    // MARK: JSON

    private func elements(of value: JSONValue?) -> [JSONValue] {
        if case .array(let elements) = value { elements } else { [] }
    }

    private func checkKeys<Keys: CodingKey & CaseIterable>(
        of section: JSONValue?, _: Keys.Type, at path: String = ""
    ) throws(RecipeError) {
        guard case .object(let members) = section else { return }
        let known = Keys.allCases.map(\.stringValue)
        // The first in order, so that the same file always has the same error.
        guard let key = members.keys.sorted().first(where: { !known.contains($0) }) else { return }
        let prefix = path.isEmpty ? "" : path + "."
        throw .unknownKey(
            recipe: recipe, key: prefix + key,
            suggestion: Suggestion.nearest(to: key, among: known).map { prefix + $0 }, known: known)
    }

    private func decode<Value: Decodable>(
        _: Value.Type, from tree: JSONValue, at path: String = ""
    ) throws(RecipeError) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(tree))
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
            // It was JSON a moment ago, so it must be a number; the decoder does not say which.
            throw invalid(
                (path.isEmpty ? "" : "'\(path)': ")
                    + "there is a number that does not fit, such as a fraction or a negative one where a whole one belongs"
            )
        } catch {
            throw invalid(Self.reason(error, at: path))
        }
    }

    private func invalid(_ reason: String) -> RecipeError {
        .invalid(recipe: recipe, reason: reason)
    }

    /// What is wrong and where, in one line.
    static func reason(_ error: any Error, at path: String = "") -> String {
        func name(_ keys: [any CodingKey]) -> String {
            let steps = keys.map { key in key.intValue.map { "\($0 + 1)" } ?? key.stringValue }
            return ((path.isEmpty ? [] : [path]) + steps).joined(separator: ".")
        }
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "'\(name(context.codingPath + [key]))' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            let place = name(context.codingPath)
            let detail = context.debugDescription.split(whereSeparator: \.isNewline).joined(separator: " ")
            return place.isEmpty ? detail : "'\(place)' is not what belongs there (\(detail))"
        default:
            return "\(error)"
        }
    }
}
