/// Reads a preprocessed text from its beginning to its end, in pieces small enough for the processor's cache.
///
/// A piece ends between two scalars, unless tokens are bytes or subwords.
final class TextReader {
    /// The bytes that are read at once.
    static let readSize = 1 << 15
    /// The bytes of the longest piece.
    static let longestPiece = readSize * Preprocessor.maximumGrowth

    private let kind: TokenKind
    private let input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: TextReader.readSize)
    private let output = UnsafeMutablePointer<UInt8>.allocate(
        capacity: TextReader.longestPiece + Preprocessor.slack)
    private var preprocessor: Preprocessor
    /// The inputs that are not yet begun.
    private var inputs: ArraySlice<TextInput>
    /// The input that is being read.
    private var bytes: ByteReader?
    /// The bytes of that input before the next piece.
    private var offset = 0
    /// The bytes of the next piece that have been read already, such as the beginning of a scalar.
    private var carried = 0
    private var isInsideLine = false

    init(_ source: TextSource) {
        kind = source.kind
        preprocessor = Preprocessor(source.preprocessing, kind: source.kind)
        inputs = source.inputs[...]
    }

    deinit {
        input.deallocate()
        output.deallocate()
    }

    /// The next piece, which is valid until the one after it is asked for; nil at the end.
    ///
    /// - Throws: `invalidUTF8` for characters and words, or why an input cannot be read.
    func next() throws(TextError) -> UnsafeBufferPointer<UInt8>? {
        while true {
            if bytes == nil { try beginNextInput() }
            guard let bytes else { return nil }
            let room = UnsafeMutableBufferPointer(rebasing: input[carried...])
            let count = carried + (try bytes.fill(UnsafeMutableRawBufferPointer(room)))
            if count == 0 {
                self.bytes = nil
                continue
            }
            if offset == 0, isInsideLine, !kind.isBytewise {
                isInsideLine = false
                carried = count
                if let lineFeed = [0x0A].withUnsafeBufferPointer(process) { return lineFeed }
            }
            let isLast = count < input.count
            var piece = UnsafeBufferPointer(rebasing: input[..<count])
            var used = count
            if !kind.isBytewise {
                if !isLast { used = piece.lastScalarBoundary() }
                piece = UnsafeBufferPointer(rebasing: piece[..<used])
                let start = try piece.textStart(in: bytes.name, at: offset)
                piece = UnsafeBufferPointer(rebasing: piece[start...])
            }
            let result = process(piece)
            isInsideLine = input[used - 1] != 0x0A
            offset += used
            carried = count - used
            // What is left over is the beginning of a scalar, three bytes at most.
            for index in 0..<carried { input[index] = input[used + index] }
            if isLast { self.bytes = nil }
            if let result { return result }
        }
    }

    private func beginNextInput() throws(TextError) {
        bytes = try inputs.popFirst()?.open()
        offset = 0
        carried = 0
    }

    /// The preprocessed form of a piece, or nil when nothing is left of it.
    private func process(_ piece: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
        let written = preprocessor.process(piece, into: output)
        return written > 0 ? UnsafeBufferPointer(start: output, count: written) : nil
    }
}
