/// The tokens that occur in a minibatch, each once.
///
/// An embedding is looked up, and multiplied with the weights of the first layer, once for each of them.
final class DistinctTokens {
    /// The distinct tokens in the order in which they first occur, `[count]`.
    let tokens: UnsafeMutablePointer<Int32>
    /// For each token of the minibatch, its place among the distinct ones, `[T][B]`.
    let rows: UnsafeMutablePointer<Int32>
    private(set) var count = 0

    /// For each token of the vocabulary, its place among the distinct ones, or -1; all are -1 between minibatches.
    private let rowOfToken: UnsafeMutablePointer<Int32>

    /// Makes room for minibatches of up to `capacity` tokens.
    init(vocabularySize: Int, capacity: Int) {
        tokens = .allocate(capacity: capacity)
        rows = .allocate(capacity: capacity)
        rowOfToken = .allocate(capacity: vocabularySize)
        rowOfToken.initialize(repeating: -1, count: vocabularySize)
    }

    deinit {
        tokens.deallocate()
        rows.deallocate()
        rowOfToken.deallocate()
    }

    /// Takes in the tokens of a minibatch.
    func collect(_ inputs: UnsafeBufferPointer<Int32>) {
        count = 0
        for (index, token) in inputs.enumerated() {
            if rowOfToken[Int(token)] < 0 {
                rowOfToken[Int(token)] = Int32(count)
                tokens[count] = token
                count += 1
            }
            rows[index] = rowOfToken[Int(token)]
        }
        for row in 0..<count { rowOfToken[Int(tokens[row])] = -1 }
    }
}
