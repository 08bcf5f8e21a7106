import UnrollModel

/// The search for embedding and decoder among the tensors that the recurrent layers have left.
struct PartSearch {
    /// A matrix that may be the embedding or the decoder's weights.
    struct Candidate {
        let name: String
        let shape: [Int]
        /// The weights, `[V, E]` or `[V, H]`.
        let weights: Matrix
        let isTransposed: Bool
        let isOnlyEmbedding: Bool
        /// The bias that stands beside it.
        let bias: ModelParameters.Entry?

        var size: Int { weights.columns }
        var tokenCount: Int { weights.rows }
        /// What a user may call it.
        var labels: [String] { [name, String(TensorName(name).prefix.dropLast())] }
    }

    /// An embedding, or none where tokens are one-hot, and a decoder, which may be the same tensor.
    struct Parts {
        let embedding: Candidate?
        let decoder: Candidate
        var bias: ModelParameters.Entry?

        /// Whether embedding and decoder share their weights, or hold the same.
        var isTied: Bool {
            guard let embedding else { return false }
            return embedding.name == decoder.name || embedding.weights == decoder.weights
        }
        fileprivate var names: Set<String> {
            Set([embedding?.name, decoder.name, bias?.name].compactMap(\.self))
        }
        /// How many of the names say what they are.
        fileprivate var nameCount: Int {
            let name = embedding?.name.lowercased() ?? ""
            let (embeddings, decoders) = (
                ["emb", "wte", "lookup"], ["dec", "fc", "lin", "out", "head", "dense", "proj"]
            )
            return (embeddings.contains(where: name.contains) ? 1 : 0)
                + (decoders.contains(where: decoder.name.lowercased().contains) ? 1 : 0)
        }
    }

    /// The name that stands for one-hot tokens where an embedding is named.
    static let noEmbedding = "none"

    private let candidates: [Candidate]
    private let rest: [ModelParameters.Entry]
    private let inputSize: Int
    private let hiddenSize: Int
    private let names: [ImportedPart: String]

    /// More than a network with some heads beside the decoder has.
    private static let maximumCount = 64

    /// Prepares the search among what is left in `pool` beside layers of these sizes.
    ///
    /// - Throws: `ImportError.tooManyTensors`.
    init(
        _ pool: TensorPool, inputSize: Int, hiddenSize: Int, names: [ImportedPart: String]
    ) throws(ImportError) {
        let rest = pool.entries
        guard rest.count <= Self.maximumCount else {
            throw .tooManyTensors(rest.count, limit: Self.maximumCount)
        }
        (self.rest, self.inputSize, self.hiddenSize, self.names) = (rest, inputSize, hiddenSize, names)
        candidates = rest.compactMap { entry in
            guard let matrix = Matrix(entry), !matrix.values.isEmpty else { return nil }
            let name = TensorName(entry.name)
            // Dense layers of Keras and Flax multiply from the other side.
            let isTransposed = name.leaf == "kernel"
            let weights = isTransposed ? matrix.transposed : matrix
            return Candidate(
                name: entry.name, shape: entry.shape, weights: weights, isTransposed: isTransposed,
                isOnlyEmbedding: ["embedding", "embeddings"].contains(name.leaf),
                bias: rest.first { $0.name == name.prefix + "bias" && $0.shape == [weights.rows] })
        }
    }

    /// The parts, and the names of tensors that belong to none of them, which there are only where parts were named.
    func run() throws(ImportError) -> (parts: Parts, unused: [String]) {
        for part in [ImportedPart.embedding, .decoder] {
            guard let name = names[part], part != .embedding || name != Self.noEmbedding else { continue }
            guard candidates.contains(where: { $0.labels.contains(name) }) else {
                throw .unknownName(part, name: name, known: candidates.map(\.name))
            }
        }
        if let stranger = rest.first(where: { !isOfLinearLayers($0) }) {
            throw .unsupportedFeature(Self.feature(of: stranger), tensor: stranger.name)
        }
        let fitting = fittingParts()
        let isNamed = names.keys.contains { $0 == .embedding || $0 == .decoder }
        let complete = isNamed ? fitting : fitting.filter { leftOver(beside: $0).isEmpty }
        guard let parts = try onlyOne(of: complete) else { throw reason(fitting) }
        let unused = leftOver(beside: parts)
        if let layer = unused.first(where: { !canBeLeftOut($0, beside: parts) }) {
            throw .unsupportedFeature(.linearLayers, tensor: layer.name)
        }
        return (parts, unused.map(\.name))
    }

    private func leftOver(beside parts: Parts) -> [ModelParameters.Entry] {
        rest.filter { !parts.names.contains($0.name) }
    }

    /// Whether a tensor is one of another embedding or of another head, and of no layer between the parts.
    private func canBeLeftOut(_ tensor: ModelParameters.Entry, beside parts: Parts) -> Bool {
        let weights = candidates.first { $0.name == tensor.name || $0.bias?.name == tensor.name }
        guard let weights else { return false }
        let isHead = weights.size == hiddenSize && weights.tokenCount != hiddenSize
        return isHead || weights.size == inputSize && weights.tokenCount == parts.decoder.tokenCount
    }

    // MARK: What fits

    /// All embeddings and decoders of sizes that fit, whatever else there is.
    private func fittingParts() -> [Parts] {
        let decoders = candidates.filter { candidate in
            candidate.size == hiddenSize && names[.decoder].map(candidate.labels.contains) ?? true
        }
        return decoders.flatMap { decoder in
            embeddings(for: decoder).map { embedding in
                // Of tied weights, files without duplicates may keep the embedding's name and the decoder's bias.
                let orphan = rest.filter { $0.shape == [decoder.tokenCount] && !isBesideWeights($0) }
                let bias = decoder.bias ?? (orphan.count == 1 ? orphan[0] : nil)
                return Parts(embedding: embedding, decoder: decoder, bias: bias)
            }
        }
    }

    /// The embeddings that a decoder of that many tokens may go with; nil stands for one-hot tokens.
    private func embeddings(for decoder: Candidate) -> [Candidate?] {
        var fitting: [Candidate?] = candidates.filter { candidate in
            let isEmbedding =
                candidate.bias == nil && !candidate.isTransposed && candidate.name != decoder.name
            return isEmbedding && candidate.size == inputSize && candidate.tokenCount == decoder.tokenCount
        }
        // Beside other matrices, one that is both would leave them out, which has to be asked for.
        let mayBeBoth = candidates.count == 1 || names[.embedding] != nil
        if mayBeBoth, !decoder.isTransposed, inputSize == hiddenSize { fitting.append(decoder) }
        fitting.removeAll { $0?.name != decoder.name && decoder.isOnlyEmbedding }
        if decoder.tokenCount == inputSize, !decoder.isOnlyEmbedding { fitting.append(nil) }
        guard let name = names[.embedding] else { return fitting }
        return fitting.filter { $0.map { $0.labels.contains(name) } ?? (name == Self.noEmbedding) }
    }

    /// The only one of these, or the one whose names say what they are; nil if there is none.
    private func onlyOne(of parts: [Parts]) throws(ImportError) -> Parts? {
        let best = Self.bestNamed(parts)
        // Of two equal matrices, either may be called the embedding.
        if best.count > 1, !best.allSatisfy({ $0.isTied && $0.names == best[0].names }) {
            throw ambiguity(of: best)
        }
        return best.first
    }

    private static func bestNamed(_ parts: [Parts]) -> [Parts] {
        let most = parts.map(\.nameCount).max()
        return parts.filter { $0.nameCount == most }
    }

    // MARK: What does not

    private func ambiguity(of parts: [Parts]) -> ImportError {
        let decoders = Set(parts.map(\.decoder.name)).sorted()
        if decoders.count > 1 { return .ambiguous(.decoder, candidates: decoders) }
        return .ambiguous(
            .embedding, candidates: Set(parts.map { $0.embedding?.name ?? Self.noEmbedding }).sorted())
    }

    /// Why no parts take all tensors, of those whose sizes fit.
    private func reason(_ fitting: [Parts]) -> ImportError {
        let best = Self.bestNamed(fitting)
        guard let first = best.first else {
            let outputs = candidates.filter { $0.size == hiddenSize }.map(\.tokenCount)
            let next = candidates.first {
                outputs.contains($0.size) && $0.size != hiddenSize && $0.size != inputSize
            }
            if let next { return .unsupportedFeature(.linearLayers, tensor: next.name) }
            return .missingPart(
                outputs.isEmpty ? .decoder : .embedding,
                candidates: candidates.map { "\($0.name) \($0.shape)" })
        }
        // Others that fit beside the same embedding or decoder, whatever their names.
        let rivals =
            best.count > 1
            ? best
            : fitting.filter {
                $0.embedding?.name == first.embedding?.name || $0.decoder.name == first.decoder.name
            }
        let embeddings = Set(rivals.compactMap { $0.embedding?.name })
        if embeddings.count > 1 || Set(rivals.map(\.decoder.name)).count > 1 { return ambiguity(of: rivals) }
        return .unsupportedFeature(
            .linearLayers, tensor: leftOver(beside: first).first?.name ?? first.decoder.name)
    }

    private func isBesideWeights(_ tensor: ModelParameters.Entry) -> Bool {
        candidates.contains { $0.bias?.name == tensor.name }
    }

    /// Whether a tensor may be one of a linear layer or an embedding: a matrix, or a bias.
    private func isOfLinearLayers(_ tensor: ModelParameters.Entry) -> Bool {
        if candidates.contains(where: { $0.name == tensor.name }) || isBesideWeights(tensor) { return true }
        let isBias = tensor.shape.count == 1 && TensorName(tensor.name).leaf.hasSuffix("bias")
        return isBias && candidates.contains { [$0.tokenCount] == tensor.shape }
    }

    /// The part of networks that a tensor most likely belongs to, by its name and shape.
    private static func feature(of tensor: ModelParameters.Entry) -> ForeignFeature {
        let name = tensor.name.lowercased()
        if ["norm", "bn", "ln_"].contains(where: name.contains) { return .normalization }
        if name.contains("attn") || name.contains("attention") { return .attention }
        if name.contains("conv") || tensor.shape.count > 2 { return .convolution }
        return name.contains("peephole") || name.contains("weight_c") ? .peepholes : .otherTensors
    }
}
