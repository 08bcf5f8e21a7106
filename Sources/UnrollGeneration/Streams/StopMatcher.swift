/// Finds the first of some texts in a text that comes piece by piece, and keeps back what may be the begin of one.
struct StopMatcher {
    private let stops: [(text: String, bytes: [UInt8])]
    /// What has come and not been given out: the begin of a stop, perhaps.
    private var held: [UInt8] = []

    init(_ stopStrings: [String]) {
        stops = stopStrings.filter { !$0.isEmpty }.map { ($0, Array($0.utf8)) }
    }

    /// Takes one more piece; returns what can be given out, and the stop that has come, if one has.
    mutating func append(_ piece: String) -> (text: String, stop: String?) {
        guard !stops.isEmpty else { return (piece, nil) }
        held += piece.utf8
        // A stop that is complete comes before one that began earlier and is not.
        for begin in held.indices {
            if let stop = stops.first(where: { held[begin...].starts(with: $0.bytes) }) {
                defer { held = [] }
                return (String(decoding: held[..<begin], as: UTF8.self), stop.text)
            }
        }
        let begin =
            held.indices.first { begin in stops.contains { $0.bytes.starts(with: held[begin...]) } }
            ?? held.endIndex
        defer { held.removeFirst(begin) }
        return (String(decoding: held[..<begin], as: UTF8.self), nil)
    }

    /// What was kept back, when nothing comes any more.
    mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }
}
