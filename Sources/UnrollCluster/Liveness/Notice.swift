/// What processes tell each other beside their work: that they live, and why a group ends.
package struct Notice: Sendable, Equatable {
    /// What it says.
    package enum Content: Sendable, Equatable {
        /// The sender lives.
        case alive
        /// The sender is done, and says no more.
        case leaving
        /// A process has been silent for too long.
        case lost(process: Int, host: String, seconds: Double)
        /// A process cannot go on.
        case ended(process: Int, host: String, reason: String)
    }

    /// The rank of the process that sends it.
    package var sender: Int
    /// The host of that process.
    package var host: String
    /// What it says.
    package var content: Content

    /// The bytes that a notice has at most.
    package static let maximumBytes = 1024
    /// The bytes of a host's name; longer names are cut.
    private static let maximumHost = 64
    /// The bytes of a reason; longer ones are cut.
    private static let maximumReason = 800
    /// The first byte, to be changed with the format.
    private static let format: UInt8 = 1

    /// The notice as bytes, of which there are at most `maximumBytes`.
    package var bytes: [UInt8] {
        var writer = Writer(bytes: [Self.format])
        writer.append(UInt32(truncatingIfNeeded: sender))
        writer.append(host, maximum: Self.maximumHost)
        switch content {
        case .alive:
            writer.bytes.append(0)
        case .leaving:
            writer.bytes.append(3)
        case .lost(let process, let host, let seconds):
            writer.bytes.append(1)
            writer.append(UInt32(truncatingIfNeeded: process))
            writer.append(host, maximum: Self.maximumHost)
            writer.append(seconds.bitPattern)
        case .ended(let process, let host, let reason):
            writer.bytes.append(2)
            writer.append(UInt32(truncatingIfNeeded: process))
            writer.append(host, maximum: Self.maximumHost)
            writer.append(reason, maximum: Self.maximumReason)
        }
        return writer.bytes
    }

    /// A notice of a process.
    package init(from sender: Int, on host: String, _ content: Content) {
        self.sender = sender
        self.host = host
        self.content = content
    }

    /// Reads a notice; nil if it is not one, as of another version of the program.
    ///
    /// - Parameter bytes: The notice; what comes after it does not count.
    package init?(_ bytes: some Collection<UInt8>) {
        var reader = Reader(bytes: Array(bytes)[...])
        guard reader.byte() == Self.format, let sender = reader.number(UInt32.self), let host = reader.text(),
            let kind = reader.byte()
        else { return nil }
        self.sender = Int(sender)
        self.host = host
        if kind == 0 || kind == 3 {
            content = kind == 0 ? .alive : .leaving
            return
        }
        guard let process = reader.number(UInt32.self), let place = reader.text() else { return nil }
        switch kind {
        case 1:
            guard let bits = reader.number(UInt64.self) else { return nil }
            content = .lost(process: Int(process), host: place, seconds: Double(bitPattern: bits))
        case 2:
            guard let reason = reader.text() else { return nil }
            content = .ended(process: Int(process), host: place, reason: reason)
        default:
            return nil
        }
    }

    private struct Writer {
        var bytes: [UInt8]

        mutating func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }

        /// Appends the number of bytes of a text, and the text.
        mutating func append(_ text: String, maximum: Int) {
            var end = text.startIndex
            while end < text.endIndex, text[...end].utf8.count <= maximum { end = text.index(after: end) }
            append(UInt16(truncatingIfNeeded: text[..<end].utf8.count))
            bytes.append(contentsOf: text[..<end].utf8)
        }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { bytes.popFirst() }

        mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
            let count = MemoryLayout<Number>.size
            guard bytes.count >= count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | Number($1) }
        }

        mutating func text() -> String? {
            guard let count = number(UInt16.self), bytes.count >= count else { return nil }
            defer { bytes = bytes.dropFirst(Int(count)) }
            return String(decoding: bytes.prefix(Int(count)), as: UTF8.self)
        }
    }
}
