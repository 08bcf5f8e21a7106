import Synchronization
import Unroll

/// Says what there is to know about how texts were read, each thing once.
enum TextNotes {
    private static let said = Mutex<Set<String>>([])
    private static let longestList = 5

    static func say(_ notices: [TextNotice]) {
        var leftOut: [String] = []
        for notice in notices {
            switch notice {
            case .leftOut(let path, let output): leftOut.append("\(path) (\(output))")
            case .damagedCache: say("\(notice)")
            }
        }
        guard !leftOut.isEmpty else { return }
        let more = leftOut.count - longestList
        say(
            "left out: " + leftOut.prefix(longestList).joined(separator: ", ")
                + (more > 0 ? " and \(more) more" : ""))
    }

    private static func say(_ text: String) {
        guard said.withLock({ $0.insert(text).inserted }) else { return }
        Standard.error.write("note: \(text)\n")
    }
}
