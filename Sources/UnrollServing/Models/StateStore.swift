#if Serving
import Foundation
import Synchronization
import UnrollGeneration
import UnrollModel

/// States of texts that were read, by identifiers that cannot be guessed; beyond a number of bytes, those that were used
/// longest ago are dropped.
final class StateStore: Sendable {
    /// A state, and the version of the model that has read it.
    struct Entry: Sendable {
        let state: GenerationState
        let version: ServedModel
        let bytes: Int
        fileprivate(set) var lastUse = 0
    }

    private struct Contents {
        var entries: [String: Entry] = [:]
        var bytes = 0
        var useCount = 0
    }

    private let limit: Int
    private let contents = Mutex(Contents())

    /// Keeps so many bytes at most.
    init(limit: Int) {
        self.limit = limit
    }

    /// The number of states and of their bytes.
    var size: (count: Int, bytes: Int) { contents.withLock { ($0.entries.count, $0.bytes) } }

    /// Keeps a state and returns its identifier.
    ///
    /// - Throws: `ServingError.stateTooLarge` if it alone is larger than the limit.
    func add(
        _ state: GenerationState, of version: ServedModel
    ) throws(ServingError) -> (id: String, entry: Entry) {
        var entry = Entry(state: state, version: version, bytes: state.byteCount)
        guard entry.bytes <= limit else { throw .stateTooLarge(bytes: entry.bytes, limit: limit) }
        var generator = SystemRandomNumberGenerator()
        let id = "state-" + Self.hexadecimal(generator.next()) + Self.hexadecimal(generator.next())
        contents.withLock { contents in
            while contents.bytes + entry.bytes > limit,
                let oldest = contents.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                contents.entries[oldest.key] = nil
                contents.bytes -= oldest.value.bytes
            }
            contents.useCount += 1
            entry.lastUse = contents.useCount
            contents.entries[id] = entry
            contents.bytes += entry.bytes
        }
        return (id, entry)
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A state, which counts as used now.
    ///
    /// - Throws: `ServingError.unknownState`.
    func entry(_ id: String) throws(ServingError) -> Entry {
        let entry = contents.withLock { contents in
            contents.useCount += 1
            contents.entries[id]?.lastUse = contents.useCount
            return contents.entries[id]
        }
        guard let entry else { throw .unknownState(id) }
        return entry
    }

    /// The state that a request goes on from; nil where it names none.
    ///
    /// - Throws: `ServingError.unknownState`, also for one of another model or of another version of it.
    func state(_ id: String?, of version: ServedModel) throws(ServingError) -> GenerationState? {
        guard let id else { return nil }
        let entry = try entry(id)
        guard entry.version === version else { throw .unknownState(id) }
        return entry.state
    }

    /// Drops the states of versions that are not served any more, and the versions with them.
    func keepOnly(_ versions: [ServedModel]) {
        contents.withLock { contents in
            contents.entries = contents.entries.filter { entry in
                versions.contains { $0 === entry.value.version }
            }
            contents.bytes = contents.entries.values.reduce(0) { $0 + $1.bytes }
        }
    }

    /// Drops a state.
    ///
    /// - Throws: `ServingError.unknownState`.
    func remove(_ id: String) throws(ServingError) {
        let removed = contents.withLock { contents in
            let entry = contents.entries.removeValue(forKey: id)
            contents.bytes -= entry?.bytes ?? 0
            return entry
        }
        if removed == nil { throw .unknownState(id) }
    }
}
#endif
