/// An n-gram model as one tree, whose arrays a GPU's kernel can read as they are.
///
/// Node 0 is the empty sequence. The children of a node are the sequences with one token more at the end, and they are
/// neighbors in the order of these tokens. Nodes of fewer than `order` tokens are the contexts, and come first.
package struct NGramTree: Sendable {
    /// Where the children of each context begin, and after the last context their end, `[contexts + 1]`.
    package let children: [UInt32]
    /// The share of probability that each context leaves to shorter ones, `[contexts]`.
    package let freed: [Double]
    /// The last token of each node, `[nodes]`; -1 for the empty sequence.
    package let tokens: [Int32]
    /// The share of probability of each node's last token in its context, `[nodes]`; 0 for the empty sequence.
    package let kept: [Double]
}

extension NGramModel {
    /// The number of contexts of ``tree``.
    package var contextCount: Int { levels.dropLast().reduce(1) { $0 + $1.tokens.count } }
    /// The number of nodes of ``tree``, of which there must be fewer than 2³¹.
    package var nodeCount: Int { sequenceCount + 1 }

    /// The model as a tree.
    package var tree: NGramTree {
        var (children, freed): ([UInt32], [Double]) = ([], [])
        var (tokens, kept): ([Int32], [Double]) = ([-1], [0])
        children.reserveCapacity(contextCount + 1)
        freed.reserveCapacity(contextCount)
        tokens.reserveCapacity(nodeCount)
        kept.reserveCapacity(nodeCount)
        for level in levels {
            // The sequences of a level follow those of the level before, which are its contexts.
            let first = UInt32(tokens.count)
            for context in level.freed.indices {
                children.append(first + level.starts[context])
                for sequence in level.followers(of: context) {
                    kept.append(level.kept(sequence, after: context))
                }
            }
            freed += level.freed
            tokens += level.tokens
        }
        children.append(UInt32(tokens.count))
        return NGramTree(children: children, freed: freed, tokens: tokens, kept: kept)
    }
}
