import Testing
import UnrollText

@Suite struct UTF8TextTests {
    private func boundary(_ bytes: [UInt8]) -> Int {
        bytes.withUnsafeBufferPointer { $0.lastScalarBoundary() }
    }

    @Test func incompleteSequencesAreLeftOut() {
        for character in ["é", "€", "😀", "\u{10FFFF}", "\u{800}", "\u{D7FF}"] {
            let bytes = Array(character.utf8)
            for count in 0..<bytes.count { #expect(boundary([0x41] + bytes.prefix(count)) == 1) }
            #expect(boundary([0x41] + bytes) == 1 + bytes.count)
            #expect(boundary(Array(bytes.dropLast())) == 0)
        }
        #expect(boundary([]) == 0)
        #expect(boundary(Array("abc".utf8)) == 3)
    }

    @Test(arguments: [0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xF8, 0xFF] as [UInt8])
    func bytesThatBeginNoSequenceAreNotIncomplete(byte: UInt8) {
        #expect(boundary([0x41, byte]) == 2)
        #expect(boundary([byte]) == 1)
        #expect([byte, 0x80, 0x80, 0x80].withUnsafeBufferPointer { $0.validSequenceLength(at: 0) } == nil)
    }

    @Test func continuationBytesWithoutABeginningAreNotIncomplete() {
        #expect(boundary([0x41, 0x80, 0x80, 0x80]) == 4)
        #expect(boundary([0x80, 0x80]) == 2)
    }
}

/// The rules for single bytes and characters are those by which whole texts are preprocessed and split.
@Suite struct PreprocessingRulesTests {
    @Test(arguments: Preprocessing.allCases, ReferenceText.kinds)
    func areThoseOfTexts(preprocessing: Preprocessing, kind: TokenKind) throws {
        let rules = PreprocessingRules(preprocessing, kind: kind)
        let scalars = [UInt32](0..<0x250) + [0x1680, 0x1E9E, 0x2003, 0x2028, 0x3000, 0x4F60, 0x1F600]
        for value in scalars {
            guard let scalar = Unicode.Scalar(value) else { continue }
            // Between letters that no preprocessing changes.
            let text = "a" + String(scalar) + "b"
            let tokens = ReferenceText(text, preprocessing, kind).tokens.joined(
                separator: kind == .words ? [0x20] : [])
            var expected: [UInt8] = [0x61]
            var isAfterSpace = false
            func append(_ outcome: PreprocessingRules.Outcome, _ encode: (UInt32) -> [UInt8]) {
                switch outcome {
                case .unit(let unit): expected += encode(unit)
                case .several(let units): expected += units.flatMap(encode)
                case .separator:
                    if !isAfterSpace { expected.append(0x20) }
                    isAfterSpace = true
                }
            }
            if value < 0x80 {
                append(rules.outcome(ofByte: UInt8(value))) { [UInt8($0)] }
            } else if kind == .bytes {
                for byte in String(scalar).utf8 { append(rules.outcome(ofByte: byte)) { [UInt8($0)] } }
            } else {
                append(rules.outcome(ofScalar: value)) {
                    Unicode.Scalar($0).map { Array(String($0).utf8) } ?? []
                }
            }
            #expect(Array(tokens) == expected + [0x62], "U+\(String(value, radix: 16))")
        }
    }
}
