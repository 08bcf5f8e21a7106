import Foundation
import UnrollBase
import UnrollModel
import UnrollTraining

/// An experiment that can be repeated: text, model, training, seeds, and what is to come out.
///
/// Recipes are JSON files. Settings that differ from each other are `variants`, each a name and the keys that it
/// changes; `reduced` changes keys of the whole recipe for a trial that ends soon.
public struct Recipe: Sendable {
    /// What a person types.
    public let name: String
    /// What it is, in a line.
    public let title: String
    /// Where the experiment comes from.
    public let source: String
    /// What it asks, and what is to be known about it.
    public let about: String
    /// The ways of training that it tries, one at least.
    public let settings: [RecipeSetting]
    /// A network is trained from each.
    public let seeds: [UInt64]
    /// What the trained models write, if anything.
    public let samples: SamplesSection?
    /// What others report.
    public let reported: ReportedSection
    /// What is to come out.
    public let expected: [Expectation]
    /// The file as it is written.
    public let text: String
    /// The folder of the file, from which paths of texts go; nil for recipes that come with Unroll.
    public let folder: URL?
    private let tree: JSONValue

    /// Reads a recipe.
    ///
    /// - Parameters:
    ///   - jsonData: The file.
    ///   - name: What to call it.
    ///   - folder: The folder of the file.
    /// - Throws: `RecipeError` when it is not JSON, has keys that no recipe has, or makes no sense.
    public init(jsonData: Data, name: String, folder: URL? = nil) throws(RecipeError) {
        let tree: JSONValue
        do {
            tree = try JSONDecoder().decode(JSONValue.self, from: jsonData)
        } catch {
            throw .invalid(recipe: name, reason: "it is not JSON (\(RecipeReader.reason(error)))")
        }
        try self.init(tree: tree, name: name, text: String(decoding: jsonData, as: UTF8.self), folder: folder)
        // Mistakes show when the file is read, not when somebody asks for less.
        _ = try reduced()
    }

    private init(tree: JSONValue, name: String, text: String, folder: URL?) throws(RecipeError) {
        let reader = RecipeReader(recipe: name)
        let header = try reader.header(of: tree)
        self.name = name
        self.text = text
        self.folder = folder
        self.tree = tree
        title = header.title
        source = header.source
        about = header.about
        seeds = header.seeds
        samples = header.samples
        reported = header.reported ?? ReportedSection()
        expected = header.expected ?? []
        settings = try reader.settings(of: tree)
        try reader.check(self)
    }

    /// The recipe with what `reduced` changes; nil if it has no such section.
    ///
    /// - Throws: `RecipeError` when what becomes of it makes no sense.
    public func reduced() throws(RecipeError) -> Recipe? {
        guard let patch = tree[RecipeReader.Keys.reduced.rawValue] else { return nil }
        var tree = tree
        tree[RecipeReader.Keys.reduced.rawValue] = nil
        return try Recipe(tree: tree.merged(with: patch), name: name, text: text, folder: folder)
    }

    /// The recipe with other seeds, epochs or text.
    ///
    /// Of other epochs and of another text nothing is expected.
    ///
    /// - Throws: `RecipeError` when that makes no sense.
    public func changed(
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
            tree = tree.merged(with: training)
            if case .array(let variants) = tree["variants"] {
                tree["variants"] = .array(variants.map { $0.merged(with: training) })
            }
        }
        return try Recipe(tree: tree, name: name, text: text, folder: folder)
    }

    /// The setting of a name; a recipe's only one needs none.
    ///
    /// - Throws: `RecipeError` when there is none, or several and no name.
    public func setting(named name: String?) throws(RecipeError) -> RecipeSetting {
        let found = settings.count == 1 && name == nil ? settings.first : settings.first { $0.name == name }
        guard let found else {
            throw .unknownSetting(recipe: self.name, name: name, known: settings.map(\.name))
        }
        return found
    }
}
