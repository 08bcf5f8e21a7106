import UnrollTraining

/// Why a recipe cannot be read or followed.
public enum RecipeError: Error, Sendable, CustomStringConvertible {
    /// There is neither a recipe of that name nor a file.
    case unknownRecipe(name: String, suggestion: String?)
    /// The file cannot be read.
    case unreadable(file: String, reason: String)
    /// The file is not JSON, or something in it is missing or makes no sense.
    case invalid(recipe: String, reason: String)
    /// A key that no recipe has.
    case unknownKey(recipe: String, key: String, suggestion: String?, known: [String])
    /// The recipe has several settings, or not that one.
    case unknownSetting(recipe: String, name: String?, known: [String])
    /// The text is not the one that the recipe is about.
    case otherText(recipe: String, file: String, expected: String, found: String)
    /// Training could not begin or go on.
    case training(recipe: String, TrainingError)
    /// A text could not be cut, a tensor not be computed, or nothing be generated, for another reason.
    case failed(recipe: String, reason: String)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .unknownRecipe(let name, let suggestion):
            "there is no recipe '\(name)', nor a file of that name; "
                + (suggestion.map { "did you mean '\($0)'?" } ?? "see: unroll recipe list")
        case .unreadable(let file, let reason):
            "\(file): cannot be read (\(reason))"
        case .invalid(let recipe, let reason):
            "recipe '\(recipe)': \(reason)"
        case .unknownKey(let recipe, let key, let suggestion, let known):
            "recipe '\(recipe)': there is no key '\(key)'; "
                + (suggestion.map { "did you mean '\($0)'?" }
                    ?? "known there: \(known.joined(separator: ", "))")
        case .unknownSetting(let recipe, let name, [""]):
            "recipe '\(recipe)' has only one setting; leave out ':\(name ?? "")'"
        case .unknownSetting(let recipe, let name, let known):
            "recipe '\(recipe)' has "
                + (name.map { "no setting '\($0)' but" } ?? "several settings,")
                + " '\(known.joined(separator: "', '"))'; name one after a colon, such as '\(recipe):\(known.first ?? "")'"
        case .otherText(let recipe, let file, let expected, let found):
            "recipe '\(recipe)': \(file) has the SHA-256 digest \(found), not \(expected); name another text with --corpus, or get the right one"
        case .training(let recipe, let error):
            "recipe '\(recipe)': \(error)"
        case .failed(let recipe, let reason):
            "recipe '\(recipe)': \(reason)"
        }
    }
}
