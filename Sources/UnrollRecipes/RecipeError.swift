import Foundation
import UnrollBase

/// Why a recipe cannot be read.
///
/// What goes wrong while it runs is thrown as the training's, the engine's and the texts' own errors.
package enum RecipeError: UnrollError, Equatable {
    /// There is neither a recipe nor a file of that name.
    case unknownRecipe(name: String, suggestion: String?)
    /// The file cannot be read.
    case unreadable(file: String, reason: String)
    /// The file is not JSON, or a value is missing or wrong.
    case invalid(recipe: String, reason: String)
    /// A recipe has no such key.
    case unknownKey(recipe: String, key: String, suggestion: String?, known: [String])
    /// The recipe has several settings, or none of that name.
    case unknownSetting(recipe: String, name: String?, known: [String])
    /// The text is not the one that the recipe is about.
    case otherText(recipe: String, file: String, expected: String, found: String)

    /// One line that says what is wrong and what to do.
    package var description: String {
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
            "recipe '\(recipe)': \(file) has the SHA-256 digest \(found), not \(expected); use the right text, or another one deliberately"
        }
    }
}
