import Unroll

/// Says what of a text the model has never seen.
enum UnknownTokens {
    static func note(in text: String, _ vocabulary: Vocabulary) {
        let unknown = vocabulary.encode(text).unknownTokens
        guard !unknown.isEmpty else { return }
        let list = unknown.prefix(10).map { "'\($0)'" }.joined(separator: ", ")
        let more = unknown.count > 10 ? " and \(unknown.count - 10) more" : ""
        Standard.error.write("note: the model has never seen \(list)\(more); read as unknown\n")
    }
}
