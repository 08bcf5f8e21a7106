import Foundation
import Testing
import UnrollBase

@Suite struct ProtobufMessageTests {
    /// The examples of the format's own documentation: 150 in field 1, "testing" in field 2, a message in field 3.
    @Test func bytesAreThoseOfTheDocumentation() {
        var inner = ProtobufMessage()
        inner.add(150, as: 1)
        #expect(Array(inner.data) == [0x08, 0x96, 0x01])
        var message = ProtobufMessage()
        message.add("testing", as: 2)
        #expect(Array(message.data) == [0x12, 0x07] + Array("testing".utf8))
        var outer = ProtobufMessage()
        outer.add(inner, as: 3)
        #expect(Array(outer.data) == [0x1A, 0x03, 0x08, 0x96, 0x01])
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        var inner = ProtobufMessage()
        inner.add([0, 5, -1, .max, .min], as: 7)
        inner.add(0, as: 8)
        var message = ProtobufMessage()
        message.add(-1.5, as: 1)
        message.add(Float(0.25), as: 2)
        message.add("Zeit — 时间", as: 3)
        message.add(Data([0xFF, 0]), as: 3)
        message.add(inner, as: 1 << 28)

        #expect(
            try message.fields() == [
                .init(number: 1, value: .fixed64((-1.5).bitPattern)),
                .init(number: 2, value: .fixed32(Float(0.25).bitPattern)),
                .init(number: 3, value: .bytes(Data("Zeit — 时间".utf8))),
                .init(number: 3, value: .bytes(Data([0xFF, 0]))),
                .init(number: 1 << 28, value: .bytes(inner.data)),
            ])
        #expect(try message.texts(3) == ["Zeit — 时间", "\u{FFFD}\0"])
        let read = try #require(try message.messages(1 << 28).first)
        #expect(try read.numbers(7) == [0, 5, -1, .max, .min])
        #expect(try read.number(7) == .min)
        #expect(try read.number(8) == nil)
    }

    @Test func whatIsNoMessageIsAnError() {
        func expect(_ error: ProtobufError, from bytes: [UInt8]) {
            #expect(throws: error) { try ProtobufMessage(Data(bytes)).fields() }
            #expect(!error.description.contains("\n"))
        }
        expect(.truncated(missing: 1), from: [0x08])
        expect(.truncated(missing: 1), from: [0x80])
        expect(.truncated(missing: 3), from: [0x0D, 1])
        expect(.truncated(missing: 7), from: [0x09, 1])
        expect(.truncated(missing: 2), from: [0x12, 3, 0x41])
        expect(.truncated(missing: .max), from: [0x12] + [UInt8](repeating: 0xFF, count: 9) + [1])
        expect(.endlessNumber, from: [0x08] + [UInt8](repeating: 0x80, count: 10) + [0])
        expect(.noFieldNumber, from: [0x00, 1])
        expect(.unknownWireType(field: 1, 3), from: [0x0B])
        expect(.unknownWireType(field: 2, 7), from: [0x17, 0])
    }

    /// Any bytes are fields or an error.
    @Test func damagedMessagesDoNotTrap() throws {
        var message = ProtobufMessage()
        message.add([1, 300, -1], as: 1)
        message.add(0.1, as: 2)
        message.add("text", as: 3)
        var source = RandomSource(seed: 1, purpose: .initialization, index: 0)
        var readable = 0
        for _ in 0..<2000 {
            var bytes = message.data
            for _ in 0..<3 {
                let index = Int(source.uniform() * Double(bytes.count))
                bytes[index] = UInt8(source.uniform() * 255)
            }
            bytes.removeLast(Int(source.uniform() * 5))
            if let fields = try? ProtobufMessage(bytes).fields() { readable += fields.isEmpty ? 0 : 1 }
        }
        #expect((1..<2000).contains(readable))
    }
}
