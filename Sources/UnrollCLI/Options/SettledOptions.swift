import Foundation
import Unroll
import UnrollBase

/// Options that a run or a recipe has settled, with those of the command line laid over them.
///
/// Nothing that was typed is dropped in silence: what differs from what is settled, and may not, is refused by the name of its
/// flag. Properties are compared by their JSON forms, so that a new option needs nothing here.
struct SettledOptions {
    var model: ModelConfiguration
    var options: TrainingOptions
    /// Nil where nothing is known of the text.
    var origin: CorpusOrigin?

    /// Checks that nothing has changed since `earlier` but the options that may, by their names in JSON.
    ///
    /// - Parameters:
    ///   - earlier: What is settled.
    ///   - free: The options that may change.
    ///   - refusal: What is said after the name of the flag, given the settled value.
    /// - Throws: `Failure`, which is wrong usage.
    func check(
        against earlier: SettledOptions, allowing free: Set<String>, refusal: (_ value: String) -> String
    ) throws {
        var changes = try Self.changes(earlier.model, model) + Self.changes(earlier.options, options)
        if let known = earlier.origin, let origin { changes += try Self.changes(known, origin) }
        let refused = changes.compactMap { change -> (flag: String, value: String)? in
            guard !free.contains(change.path[0]), let flag = FlagNames.flag(settling: change.path) else {
                return nil
            }
            return (flag, flag == "--optimizer" ? OptimizerName.name(in: earlier.options) : change.value)
        }
        // What other numbers come with is named before these.
        let flags = ["--optimizer", "--schedule"] + refused.map(\.flag)
        guard let flag = flags.first(where: { flag in refused.contains { $0.flag == flag } }),
            let first = refused.first(where: { $0.flag == flag })
        else { return }
        throw Failure("\(first.flag) \(refusal(first.value))", exitCode: Failure.usage)
    }

    private struct Change {
        /// The keys that lead to the value.
        let path: [String]
        /// The earlier value.
        let value: String
    }

    private static func changes(_ earlier: some Encodable, _ later: some Encodable) throws -> [Change] {
        changes(try JSONValue(encoding: earlier), try JSONValue(encoding: later), at: [])
    }

    private static func changes(_ earlier: JSONValue?, _ later: JSONValue?, at path: [String]) -> [Change] {
        switch (earlier ?? .null, later ?? .null) {
        case (.object(let old), .object(let new)):
            Set(old.keys).union(new.keys).sorted().flatMap { key in
                changes(old[key], new[key], at: path + [key])
            }
        case (let old, let new):
            old == new ? [] : [Change(path: path, value: words(for: old))]
        }
    }

    private static func words(for value: JSONValue) -> String {
        switch value {
        case .null: "none"
        case .bool(let value): value ? "on" : "off"
        case .whole(let value): "\(value)"
        case .number(let value): NumberFormat.significant(value)
        case .string(let value): value
        case .array, .object: "another"
        }
    }
}
