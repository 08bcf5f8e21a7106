import UnrollEngine
import UnrollGeneration
import UnrollText

/// Codes blocks of a text one after another; encoder and decoder go through the same steps.
///
/// The pieces of a block are divided among lanes of equal length, and the coder goes through all lanes a token at a time.
/// What was learned in a block is kept for the next.
struct BlockCoder {
    private let segmenter: TextSegmenter
    private let predictor: any TokenPredictor
    private var corrections = Corrections()
    private var escapes = EscapeRate()
    private var frequencies: TokenFrequencies
    private var logits: [Float] = []
    private let vocabularySize: Int

    init(_ vocabulary: Vocabulary, predictor: any TokenPredictor) {
        segmenter = TextSegmenter(vocabulary)
        self.predictor = predictor
        vocabularySize = vocabulary.count
        frequencies = TokenFrequencies(vocabularySize: vocabulary.count)
    }

    /// Returns the payload of a block, and the number of its tokens.
    mutating func encode(_ block: [UInt8]) throws -> (tokenCount: Int, payload: [UInt8]) {
        let segments = block.withUnsafeBufferPointer { segmenter.segments(of: $0) }
        var encoder = RangeEncoder()
        _ = try code(
            SegmentedText(bytes: block, segments: segments), tokenCount: segments.count,
            byteCount: block.count, with: &encoder)
        return (segments.count, encoder.finish())
    }

    /// Returns the block; if the payload is damaged, other bytes of at most that size, or nil.
    mutating func decode(
        _ payload: ArraySlice<UInt8>, tokenCount: Int, byteCount: Int
    ) throws -> [UInt8]? {
        var decoder = RangeDecoder(payload)
        return try code(nil, tokenCount: tokenCount, byteCount: byteCount, with: &decoder)
    }

    /// Goes through a block, which an encoder has and a decoder finds.
    private mutating func code(
        _ text: SegmentedText?, tokenCount: Int, byteCount: Int, with coder: inout some SymbolCoder
    ) throws -> [UInt8]? {
        try predictor.begin(tokenCount: tokenCount)
        let laneCount = predictor.tokens.count
        // The last lane is the longest, so that the first one of the next block continues where it ends.
        let parts = (0..<laneCount).map { tokenCount * $0 / laneCount..<tokenCount * ($0 + 1) / laneCount }
        var places = parts.map { text?.place(of: $0.lowerBound) ?? 0 }
        var lanes = [Lane](repeating: Lane(), count: laneCount)
        var room = byteCount
        for step in 0..<(parts.last?.count ?? 0) {
            if step % 64 == 0 { try Task.checkCancellation() }
            try predictor.predict(&logits)
            for lane in 0..<laneCount where step < parts[lane].count {
                let segment = text?.segments[parts[lane].lowerBound + step]
                try logits.withUnsafeBufferPointer { logits throws(GenerationError) in
                    try frequencies.update(
                        from: .init(rebasing: logits[lane * vocabularySize..<(lane + 1) * vocabularySize]),
                        escapes: escapes)
                }
                let token = coder.code(Int(segment?.token ?? 0), with: frequencies)
                let isEscape = token == Vocabulary.unknownID
                escapes.count(isEscape: isEscape)
                predictor.tokens[lane] = Int32(token)
                let hasRoom: Bool
                if isEscape || segmenter.hasCorrections {
                    let piece =
                        text.map { $0.bytes[places[lane]..<places[lane] + Int(segment?.length ?? 0)] } ?? []
                    places[lane] += piece.count
                    hasRoom = corrections.code(
                        piece, usually: segmenter.usual[token], after: &lanes[lane], with: &coder,
                        room: &room)
                } else {
                    places[lane] += segmenter.usual[token].count
                    hasRoom = lanes[lane].append(segmenter.usual[token], room: &room)
                }
                guard hasRoom else { return nil }
            }
        }
        return lanes.flatMap(\.bytes)
    }
}

/// A block as an encoder has it.
private struct SegmentedText {
    let bytes: [UInt8]
    let segments: [TextSegment]

    /// Where the bytes of a segment begin.
    func place(of segment: Int) -> Int {
        segments[..<segment].reduce(0) { $0 + Int($1.length) }
    }
}

/// A piece of a text that is coded as one token, with corrections if the token does not determine its bytes.
struct TextSegment {
    /// The token that the model reads; `<unk>` is the escape for bytes that the vocabulary has no token for.
    let token: Int32
    /// The number of bytes of the text that it stands for, at least 1.
    let length: Int32

    /// Longer pieces are cut.
    static let maximumLength = 4096
}
