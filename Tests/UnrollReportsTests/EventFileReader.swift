import Foundation
import Testing
import UnrollBase
import UnrollReports

/// An event file as a program reads it that knows the format of records and the numbers of fields.
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
            events.append(try Self.event(ProtobufMessage(message)))
        }
    }

    /// The numbers of a tag by their steps.
    func scalars(_ tag: String) -> [[Double]] {
        events.compactMap { event in event.scalars[tag].map { [Double(event.step), Double($0)] } }
    }

    private static func event(_ message: ProtobufMessage) throws -> Event {
        var event = Event()
        event.step = try message.number(2) ?? 0
        event.version = try message.texts(3).last
        for entry in try message.messages(5).flatMap({ try $0.messages(1) }) {
            guard let tag = try entry.texts(1).last else { continue }
            for case .fixed32(let bits) in try entry.fields().filter({ $0.number == 2 }).map(\.value) {
                event.scalars[tag] = Float(bitPattern: bits)
            }
            event.texts[tag] = try entry.messages(8).last?.texts(8).last
        }
        event.isStart = try message.messages(7).contains { try $0.number(1) == 1 }
        return event
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
