/// Tensors under PyTorch's names, row-major, in a fixed order: how parameters leave and enter an engine.
public struct NamedTensors<Scalar: BinaryFloatingPoint & Sendable>: Sendable, Equatable {
    /// One tensor.
    public struct Entry: Sendable, Equatable {
        /// The name, such as `rnn.weight_hh_l0`.
        public var name: String
        /// The size of each dimension, outermost first.
        public var shape: [Int]
        /// The elements, the last dimension varying fastest.
        public var values: [Scalar]

        /// Creates a tensor; `values` holds as many elements as `shape` says.
        public init(name: String, shape: [Int], values: [Scalar]) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// The tensors in their order on disk.
    public var entries: [Entry]

    /// Creates a set of tensors.
    public init(_ entries: [Entry] = []) {
        self.entries = entries
    }

    /// The tensor of that name.
    public subscript(name: String) -> Entry? {
        entries.first { $0.name == name }
    }

    /// A name that more than one tensor has.
    package var duplicateName: String? {
        var names: Set<String> = []
        return entries.first { !names.insert($0.name).inserted }?.name
    }

    /// How many numbers there are in all.
    public var scalarCount: Int {
        entries.reduce(0) { $0 + $1.values.count }
    }
}

/// A model's parameters.
public typealias ModelParameters = NamedTensors<Float>

extension NamedTensors where Scalar == Float {
    /// The same parameters with tied weights once, as `embedding.weight`, however PyTorch has saved them.
    ///
    /// A `state_dict` holds both names; a file without duplicates may hold either.
    ///
    /// - Throws: `ModelError.differingTiedWeights` when there are two, and they differ.
    package func mergingTiedWeights(
        of configuration: ModelConfiguration
    ) throws(ModelError) -> NamedTensors {
        guard configuration.tiesWeights, let decoder = self["decoder.weight"] else { return self }
        var merged = self
        if let embedding = self["embedding.weight"] {
            guard embedding.shape == decoder.shape, embedding.values == decoder.values else {
                throw .differingTiedWeights
            }
            merged.entries.removeAll { $0.name == decoder.name }
        } else {
            for index in merged.entries.indices where merged.entries[index].name == decoder.name {
                merged.entries[index].name = "embedding.weight"
            }
        }
        return merged
    }

    /// Checks that these are exactly the parameters of such a model, and returns its vocabulary size.
    package func checkedVocabularySize(for configuration: ModelConfiguration) throws -> Int {
        try configuration.check()
        guard let bias = self["decoder.bias"] else { throw ModelError.missingTensor("decoder.bias") }
        let vocabularySize = bias.values.count
        let expected = configuration.parameterShapes(vocabularySize: vocabularySize)
        for (name, shape) in expected {
            guard let entry = self[name] else { throw ModelError.missingTensor(name) }
            guard entry.shape == shape else {
                throw ModelError.shapeMismatch(name: name, expected: shape, actual: entry.shape)
            }
            guard entry.values.count == shape.reduce(1, *) else {
                throw ModelError.shapeMismatch(name: name, expected: shape, actual: [entry.values.count])
            }
        }
        if let stranger = entries.first(where: { entry in !expected.contains { $0.name == entry.name } }) {
            throw ModelError.unexpectedTensor(stranger.name)
        }
        if let twin = duplicateName { throw ModelError.duplicateTensor(twin) }
        return vocabularySize
    }
}
