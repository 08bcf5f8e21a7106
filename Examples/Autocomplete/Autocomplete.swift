import Unroll

/// Completes what a person types, key by key.
package struct Autocomplete: Sendable {
    private let model: LanguageModel
    private var state: GenerationState?

    package init(_ model: LanguageModel) {
        self.model = model
    }

    /// Takes what was typed since the last time: only that is read, however long the text has become.
    package mutating func type(_ keys: String) throws {
        guard !keys.isEmpty else { return }
        state = try model.read(keys, after: state, threads: 1)
    }

    /// The most probable ends of the word at the cursor, or next words, the best first.
    package func suggestions(_ count: Int = 3) throws -> [Completion] {
        guard let state else { return [] }
        return try model.complete(from: state, count: count, threads: 1)
    }
}
