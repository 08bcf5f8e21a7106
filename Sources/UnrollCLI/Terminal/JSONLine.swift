import Foundation
import UnrollBase

/// A line of JSON on standard output, for other programs.
enum JSONLine {
    static func write(_ value: some Encodable) throws {
        let line = try JSONEncoder.unroll.encodeWithNulls(value)
        Standard.output.write(String(decoding: line, as: UTF8.self) + "\n")
    }
}
