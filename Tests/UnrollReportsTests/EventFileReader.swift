import Foundation
import Testing
import UnrollReports

/// An event file as a program reads it that knows the formats and not the writer.
struct EventFileReader {
    struct Event: Equatable {
        var step = 0
        var isStart = false
        var version: String?
        var scalars: [String: Float] = [:]
        var texts: [String: String] = [:]
    }

    private(set) var events: [Event] = []

    init(_ url: URL) throws {
        var rest = try Data(contentsOf: url)[...]
        while !rest.isEmpty {
            let header = try Self.take(8, of: &rest)
            #expect(try Self.number(try Self.take(4, of: &rest)) == UInt64(MaskedChecksum.masked(header)))
            let message = try Self.take(Int(try Self.number(header)), of: &rest)
            #expect(try Self.number(try Self.take(4, of: &rest)) == UInt64(MaskedChecksum.masked(message)))
            events.append(try Self.event(message))
        }
    }

    /// The numbers of a tag by their steps.
    func scalars(_ tag: String) -> [[Double]] {
        events.compactMap { event in event.scalars[tag].map { [Double(event.step), Double($0)] } }
    }

    private static func event(_ message: Data) throws -> Event {
        var event = Event()
        for (field, value) in try fields(of: message) {
            switch (field, value) {
            case (2, .number(let step)): event.step = Int(step)
            case (3, .bytes(let bytes)): event.version = String(decoding: bytes, as: UTF8.self)
            case (5, .bytes(let summary)):
                for case (1, .bytes(let entry)) in try fields(of: summary) {
                    try add(try fields(of: entry), to: &event)
                }
            case (7, .bytes(let session)):
                event.isStart = try fields(of: session).contains { $0 == 1 && $1 == .number(1) }
            default: break
            }
        }
        return event
    }

    private static func add(_ entry: [(Int, Value)], to event: inout Event) throws {
        guard case .bytes(let bytes)? = entry.first(where: { $0.0 == 1 })?.1 else { return }
        let tag = String(decoding: bytes, as: UTF8.self)
        for (field, value) in entry {
            if field == 2, case .number(let bits) = value {
                event.scalars[tag] = Float(bitPattern: UInt32(bits))
            } else if field == 8, case .bytes(let tensor) = value {
                for case (8, .bytes(let text)) in try fields(of: tensor) {
                    event.texts[tag] = String(decoding: text, as: UTF8.self)
                }
            }
        }
    }

    private enum Value: Equatable {
        case number(UInt64)
        case bytes(Data)
    }

    private static func fields(of message: Data) throws -> [(Int, Value)] {
        var rest = message[...]
        var fields: [(Int, Value)] = []
        while !rest.isEmpty {
            let key = try varint(&rest)
            let value: Value =
                switch key & 7 {
                case 0: .number(try varint(&rest))
                case 1: .number(try number(try take(8, of: &rest)))
                case 2: .bytes(try take(Int(try varint(&rest)), of: &rest))
                default: .number(try number(try take(4, of: &rest)))
                }
            fields.append((Int(key >> 3), value))
        }
        return fields
    }

    private static func varint(_ rest: inout Data) throws -> UInt64 {
        var (value, shift) = (UInt64(0), UInt64(0))
        while true {
            let byte = UInt64(try take(1, of: &rest)[0])
            value |= (byte & 0x7F) << shift
            guard byte & 0x80 != 0 else { return value }
            shift += 7
        }
    }

    private static func take(_ count: Int, of rest: inout Data) throws -> Data {
        try #require(rest.count >= count)
        defer { rest = rest.dropFirst(count) }
        return Data(rest.prefix(count))
    }

    private static func number(_ bytes: Data) throws -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
