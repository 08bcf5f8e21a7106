import Foundation
import UnrollBase

/// One record of an event file: the parts of TensorFlow's `Event` that a run needs.
package struct RunEvent: Sendable, Equatable {
    /// The contents of an event.
    package enum Content: Sendable, Equatable {
        /// The format of the file, its first event.
        case fileVersion
        /// The run starts or resumes at the event's step. Events of this and later steps in earlier files do not count.
        case sessionStart
        /// Numbers by their tags.
        case scalars([Scalar])
        /// Text in Markdown.
        case text(tag: String, String)
    }

    /// A point of the curve with this tag.
    package struct Scalar: Sendable, Equatable {
        package var tag: String
        package var value: Float

        package init(_ tag: String, _ value: Double) {
            self.tag = tag
            self.value = Float(value)
        }
    }

    /// Seconds since 1970.
    package var wallTime: Double
    /// The number of minibatches so far.
    package var step: Int
    package var content: Content

    package init(wallTime: Double = Date().timeIntervalSince1970, step: Int, _ content: Content) {
        self.wallTime = wallTime
        self.step = step
        self.content = content
    }

    /// The event as a TFRecord: length, its checksum, message, its checksum.
    package var record: Data {
        let message = message.data
        var record = Self.bytes(UInt64(message.count))
        record += Self.bytes(MaskedChecksum.masked(record))
        return record + message + Self.bytes(MaskedChecksum.masked(message))
    }

    private static func bytes(_ number: some FixedWidthInteger) -> Data {
        withUnsafeBytes(of: number.littleEndian) { Data($0) }
    }

    /// `Event` of TensorFlow's event.proto.
    private var message: ProtobufMessage {
        var event = ProtobufMessage()
        event.add(wallTime, as: 1)
        event.add(step, as: 2)
        switch content {
        case .fileVersion:
            event.add("brain.Event:2", as: 3)
        case .sessionStart:
            var session = ProtobufMessage()
            session.add(1, as: 1)
            event.add(session, as: 7)
        case .scalars(let scalars):
            var summary = ProtobufMessage()
            for scalar in scalars {
                var entry = ProtobufMessage()
                entry.add(scalar.tag, as: 1)
                entry.add(scalar.value, as: 2)
                summary.add(entry, as: 1)
            }
            event.add(summary, as: 5)
        case .text(let tag, let text):
            var summary = ProtobufMessage()
            summary.add(Self.value(tag: tag, text: text), as: 1)
            event.add(summary, as: 5)
        }
        return event
    }

    /// `Summary.Value`: a tensor of one string, shown by TensorBoard's text plugin.
    private static func value(tag: String, text: String) -> ProtobufMessage {
        var (shape, size) = (ProtobufMessage(), ProtobufMessage())
        size.add(1, as: 1)
        shape.add(size, as: 2)
        var tensor = ProtobufMessage()
        let stringType = 7
        tensor.add(stringType, as: 1)
        tensor.add(shape, as: 2)
        tensor.add(text, as: 8)

        var (metadata, plugin) = (ProtobufMessage(), ProtobufMessage())
        plugin.add("text", as: 1)
        metadata.add(plugin, as: 1)

        var value = ProtobufMessage()
        value.add(tag, as: 1)
        value.add(tensor, as: 8)
        value.add(metadata, as: 9)
        return value
    }
}

/// The checksum of TFRecord files: CRC-32C (Castagnoli), masked.
///
/// A checksum of data that contains its own checksums would be weak, so it is rotated and a constant is added.
package enum MaskedChecksum {
    /// The masked checksum, which the file contains.
    package static func masked(_ data: Data) -> UInt32 {
        let checksum = CRC32.castagnoli.checksum(of: data)
        return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
    }
}
