/// Cuts the bytes of a text into lines as they come, whether they are UTF-8 or not.
///
/// Memory holds the lines that came together, and so at least the longest line.
package struct LineReader {
    /// Lines that came together.
    package struct Block {
        fileprivate(set) var bytes: [UInt8]
        /// The positions of each line's bytes, without its line feed.
        package fileprivate(set) var lines: [Range<Int>] = []

        /// Calls `body` with the bytes of each line.
        package func forEach(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
            bytes.withUnsafeBufferPointer { bytes in
                for line in lines { body(UnsafeBufferPointer(rebasing: bytes[line])) }
            }
        }
    }

    private let bytes: ByteReader
    private let isText: Bool
    /// The beginning of a line whose end has not come yet.
    private var begun: [UInt8] = []
    private var isAtBeginning = true
    private var buffer = [UInt8](repeating: 0, count: 1 << 18)

    /// Begins to read lines; a byte-order mark before the first is dropped unless tokens are bytes or subwords.
    package init(_ bytes: ByteReader, tokens kind: TokenKind) {
        self.bytes = bytes
        isText = !kind.isBytewise
    }

    /// Waits for the next lines; nil at the end.
    ///
    /// - Throws: `unreadable`.
    package mutating func next() throws(TextError) -> Block? {
        while true {
            let count = try read()
            if count == 0, begun.isEmpty { return nil }
            let new = begun.count
            begun.append(contentsOf: buffer[..<count])
            // The end of the text ends a line too.
            let end = count == 0 ? begun.endIndex : begun[new...].lastIndex(of: 0x0A).map { $0 + 1 }
            if let end { return block(to: end) }
        }
    }

    private mutating func read() throws(TextError) -> Int {
        var result: Result<Int, TextError> = .success(0)
        buffer.withUnsafeMutableBytes { buffer in
            result = Result { () throws(TextError) in try bytes.read(into: buffer) }
        }
        return try result.get()
    }

    private mutating func block(to end: Int) -> Block {
        var block = Block(bytes: Array(begun[..<end]))
        var start = 0
        if isText, isAtBeginning { start = block.bytes.withUnsafeBufferPointer(\.byteOrderMarkLength) }
        while start < end {
            let lineEnd = block.bytes[start...].firstIndex(of: 0x0A) ?? end
            block.lines.append(start..<lineEnd)
            start = lineEnd + 1
        }
        begun.removeSubrange(..<end)
        isAtBeginning = false
        return block
    }
}
