/// Cuts a text that comes in pieces into subword tokens.
struct SubwordTokenizer: Sendable {
    private var scanner = PreTokenScanner()
    private var encoder: BytePairEncoder

    init(_ encoding: BytePairEncoding) {
        encoder = BytePairEncoder(encoding)
    }

    /// The greatest number of tokens that end in a piece, or with the text after it.
    func maximumCount(inPieceOf byteCount: Int) -> Int { scanner.open.count + byteCount }

    /// The greatest number of tokens that end in a piece, whatever came before.
    static func maximumCount(inAnyPieceOf byteCount: Int) -> Int {
        // What is open is a pre-token, and at most the beginning of a scalar after it.
        byteCount + PreTokenScanner.maximumLength + 4
    }

    /// Calls `body` with each pre-token that ends in a piece, and its ids.
    @inline(__always)
    mutating func encode(
        _ piece: UnsafeBufferPointer<UInt8>,
        _ body: (_ preToken: UnsafeBufferPointer<UInt8>, _ ids: UnsafeBufferPointer<Int32>) -> Void
    ) {
        scanner.scan(piece) { preToken in encoder.encode(preToken) { body(preToken, $0) } }
    }

    /// Calls `body` with each pre-token that ends with the text, and its ids.
    mutating func finish(
        _ body: (_ preToken: UnsafeBufferPointer<UInt8>, _ ids: UnsafeBufferPointer<Int32>) -> Void
    ) {
        scanner.finish { preToken in encoder.encode(preToken) { body(preToken, $0) } }
    }
}
