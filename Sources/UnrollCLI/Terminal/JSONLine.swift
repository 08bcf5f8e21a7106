import Foundation
import UnrollBase

/// A line of JSON on standard output, for other programs.
enum JSONLine {
    static func write(_ value: some Encodable) throws {
        let line = try JSONEncoder.unroll.encodeWithNulls(value)
        Standard.output.write(String(decoding: line, as: UTF8.self) + "\n")
    }
}

/// A value that is written as `null` when it is not there, where Swift would leave out the key.
struct Nullable<Value: Encodable>: Encodable {
    let value: Value?

    init(_ value: Value?) {
        self.value = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}
