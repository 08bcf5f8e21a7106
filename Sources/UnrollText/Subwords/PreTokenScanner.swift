/// Cuts a text that comes in pieces into pre-tokens, the parts within which byte pairs are merged.
///
/// The rule is that of GPT-2 (Radford and others, 2019), which Hugging Face's `tokenizers` has as `ByteLevel` with
/// `add_prefix_space=False`: from each position, the first of these that matches, as long as possible.
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// So a space begins the word after it, and of several spaces only the last does. Letters, numbers and white space are
/// those of Unicode 16, whatever the version of the standard library. A byte that is not part of valid UTF-8 counts as a
/// symbol, such as "!". A pre-token ends after `maximumLength` bytes, so that no text needs unbounded memory.
package struct PreTokenScanner: Sendable {
    /// The bytes of the longest pre-token; a longer run is cut there, between two scalars.
    package static let maximumLength = 1 << 16

    /// The end of the pieces so far that more bytes could change: at most a pre-token and what decides where it ends.
    package private(set) var open: [UInt8] = []
    /// The classes of scalars beyond ASCII, once they have been looked up.
    private var classes = ScalarTable()

    /// Begins a text.
    package init() {}

    /// Calls `body` with every pre-token that ends in this piece, whatever follows it.
    package mutating func scan(
        _ piece: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        open.append(contentsOf: piece)
        scan(isEnd: false, body)
    }

    /// Calls `body` with the pre-tokens at the end of the text, and begins another text.
    package mutating func finish(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        scan(isEnd: true, body)
    }

    private mutating func scan(isEnd: Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        // Taken out of the scanner, so that classes can be looked up meanwhile.
        var bytes: [UInt8] = []
        swap(&bytes, &open)
        var start = 0
        bytes.withUnsafeBufferPointer { bytes in
            // The beginning of a scalar at the end may be completed by the next piece.
            let end = isEnd ? bytes.count : bytes.lastScalarBoundary()
            let text = UnsafeBufferPointer(rebasing: bytes[..<end])
            while start < end, let next = self.end(ofPreTokenAt: start, in: text, isEnd: isEnd) {
                body(UnsafeBufferPointer(rebasing: text[start..<next]))
                start = next
            }
        }
        bytes.removeFirst(start)
        swap(&bytes, &open)
    }

    /// The end of the pre-token that begins at `start`; nil if more bytes could change it.
    @inline(__always)
    private mutating func end(
        ofPreTokenAt start: Int, in text: UnsafeBufferPointer<UInt8>, isEnd: Bool
    ) -> Int? {
        let first = text[start]
        if first == 0x27 {
            switch Self.contractionLength(at: start, in: text) {
            case nil where !isEnd: return nil
            case let length? where length > 0: return start + length
            default: break
            }
        }
        var (kind, length) = unit(at: start, in: text)
        var index = start + length
        if first == 0x20 {
            guard index < text.count else { return isEnd ? index : nil }
            let next = unit(at: index, in: text)
            if next.kind != .whiteSpace {
                (kind, length) = next
                index += length
            }
        }
        let limit = start + Self.maximumLength
        var last = start
        while index < text.count {
            let next = unit(at: index, in: text)
            guard next.kind == kind else {
                // The last of several white-space characters is left for what follows.
                return kind == .whiteSpace && last > start ? last : index
            }
            if index + next.length > limit { return index }
            last = index
            index += next.length
        }
        return isEnd ? index : nil
    }

    /// The length of the contraction at an apostrophe, 0 if there is none; nil if more bytes decide it.
    private static func contractionLength(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
        guard start + 1 < text.count else { return nil }
        let second: UInt8
        switch text[start + 1] {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"): second = UInt8(ascii: "e")
        case UInt8(ascii: "l"): second = UInt8(ascii: "l")
        default: return 0
        }
        guard start + 2 < text.count else { return nil }
        return text[start + 2] == second ? 3 : 0
    }
}

// MARK: Classes

extension PreTokenScanner {
    fileprivate enum Class: UInt8 {
        case whiteSpace = 1
        case letter
        case number
        case symbol
    }

    private static let asciiClasses: [Class] = (0..<0x80).map { Class(of: Unicode.Scalar(UInt8($0))) }

    /// The class of the scalar at a position and its length; a byte that is not part of valid UTF-8 is by itself.
    @inline(__always)
    private mutating func unit(
        at index: Int, in text: UnsafeBufferPointer<UInt8>
    ) -> (kind: Class, length: Int) {
        let byte = text[index]
        // Almost all bytes of most texts are these.
        if byte &- 0x61 < 26 || byte &- 0x41 < 26 { return (.letter, 1) }
        if byte == 0x20 { return (.whiteSpace, 1) }
        if byte < 0x80 { return (Self.asciiClasses[Int(byte)], 1) }
        guard let length = text.validSequenceLength(at: index) else { return (.symbol, 1) }
        var end = index
        let value = text.nextScalar(at: &end)
        return (Class(rawValue: UInt8(classes[value])) ?? lookUp(value), length)
    }

    @inline(never)
    private mutating func lookUp(_ value: UInt32) -> Class {
        let kind = Unicode.Scalar(value).map { Class(of: $0) } ?? .symbol
        classes[value] = Int(kind.rawValue)
        return kind
    }
}

extension PreTokenScanner.Class {
    /// The first version of Unicode whose letters and numbers are not known as such.
    private static let firstUnknownVersion = 17

    fileprivate init(of scalar: Unicode.Scalar) {
        let properties = scalar.properties
        guard !properties.isWhitespace else {
            self = .whiteSpace
            return
        }
        guard let age = properties.age, age.major < Self.firstUnknownVersion else {
            self = .symbol
            return
        }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            self = .letter
        case .decimalNumber, .letterNumber, .otherNumber:
            self = .number
        default:
            self = .symbol
        }
    }
}
