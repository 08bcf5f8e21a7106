import Foundation
import UnrollBase
import UnrollModel
import UnrollTraining

/// An experiment that can be repeated: text, model, training, seeds, and expected results.
///
/// Recipes are JSON files. `model` and `training` are the JSON forms of `ModelConfiguration` and `TrainingOptions`.
/// Settings that differ from each other are `variants`, each a name and the keys that it changes; `reduced` changes keys
/// of the whole recipe for a short trial.
package struct Recipe: Sendable {
    /// The name on the command line.
    package let name: String
    /// The experiment in one line.
    package let title: String
    /// Where the experiment comes from.
    package let source: String
    /// The question, and what to know about it.
    package let about: String
    /// The ways of training that it tries, at least one.
    package let settings: [RecipeSetting]
    /// The seeds; a network is trained from each.
    package let seeds: [UInt64]
    /// The texts that the trained models generate, if any.
    package let samples: SamplesSection?
    /// What others report.
    package let reported: ReportedSection
    /// The expected results.
    package let expected: [Expectation]
    /// The file as it is written.
    package let text: String
    /// The folder of the file, to which paths of texts are relative; nil for recipes that come with Unroll.
    package let folder: URL?
    private let tree: JSONValue

    /// Reads a recipe.
    ///
    /// - Parameters:
    ///   - jsonData: The file.
    ///   - name: The recipe's name.
    ///   - folder: The folder of the file.
    /// - Throws: `RecipeError.invalid` or `.unknownKey`.
    package init(jsonData: Data, name: String, folder: URL? = nil) throws(RecipeError) {
        let tree: JSONValue
        do {
            tree = try JSONDecoder().decode(JSONValue.self, from: jsonData)
        } catch {
            throw .invalid(recipe: name, reason: "it is not JSON (\(JSONValue.reason(error)))")
        }
        try self.init(tree: tree, name: name, text: String(decoding: jsonData, as: UTF8.self), folder: folder)
        // Mistakes show when the file is read, not when the short form is wanted.
        _ = try reduced()
    }

    private init(tree: JSONValue, name: String, text: String, folder: URL?) throws(RecipeError) {
        let reader = RecipeReader(recipe: name)
        let document = try reader.document(of: tree)
        self.name = name
        self.text = text
        self.folder = folder
        self.tree = tree
        title = document.title
        source = document.source
        about = document.about
        seeds = document.seeds
        samples = document.samples
        reported = document.reported ?? ReportedSection()
        expected = document.expected ?? []
        settings = try reader.settings(of: tree, document)
        try reader.check(self)
    }

    /// The recipe with what `reduced` changes; nil if it has no such section.
    ///
    /// - Throws: `RecipeError.invalid` or `.unknownKey`.
    package func reduced() throws(RecipeError) -> Recipe? {
        guard let changes = tree["reduced"] else { return nil }
        var tree = tree
        tree["reduced"] = nil
        return try Recipe(tree: tree.overlaid(with: changes), name: name, text: text, folder: folder)
    }

    /// The recipe with other seeds, epochs or text.
    ///
    /// With other epochs or another text nothing is expected.
    ///
    /// - Throws: `RecipeError.invalid`.
    package func changed(
        seeds: [UInt64]? = nil, epochs: Int? = nil, isOfAnotherText: Bool = false
    ) throws(RecipeError) -> Recipe {
        var tree = tree
        if let seeds { tree["seeds"] = .array(seeds.map { .whole($0) }) }
        if isOfAnotherText { tree["reported"] = nil }
        if epochs != nil || isOfAnotherText {
            tree["expected"] = nil
            tree["reduced"] = nil
        }
        if let epochs {
            let training = JSONValue.object(["training": .object(["epochs": .number(Double(epochs))])])
            tree = tree.overlaid(with: training)
            if case .array(let variants) = tree["variants"] {
                tree["variants"] = .array(variants.map { $0.overlaid(with: training) })
            }
        }
        return try Recipe(tree: tree, name: name, text: text, folder: folder)
    }

    /// The setting of a name; a recipe's only one needs none.
    ///
    /// - Throws: `RecipeError.unknownSetting` when there is none, or several and no name.
    package func setting(named name: String?) throws(RecipeError) -> RecipeSetting {
        let found = settings.count == 1 && name == nil ? settings.first : settings.first { $0.name == name }
        guard let found else {
            throw .unknownSetting(recipe: self.name, name: name, known: settings.map(\.name))
        }
        return found
    }
}
