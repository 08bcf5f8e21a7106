import UnrollModel

/// Where the parameters are in one array of floats, which gradients and the optimizer's slots have in the same form.
///
/// Tensors are row-major under PyTorch's names, one after the other, each beginning at a multiple of 64 floats; what is
/// between them is zero and stays so. One-hot inputs' weights are transposed, [V, G H], so that a token's weights lie
/// together.
struct ParameterLayout: Sendable {
    /// The place of a tensor.
    struct Tensor: Sendable {
        let name: String
        let shape: [Int]
        /// Floats before it.
        let offset: Int
        let isTransposed: Bool

        var count: Int { shape.reduce(1, *) }
    }

    let tensors: [Tensor]
    /// Floats in all.
    let count: Int
    /// Floats from one learned vector of a layer to the next.
    let vectorStride: Int
    /// The learned vectors of each layer, one after the other in the array.
    private let vectors: [[String]]

    init(_ configuration: ModelConfiguration, vocabularySize: Int) {
        var offset = 0
        tensors = configuration.parameterShapes(vocabularySize: vocabularySize).map { name, shape in
            let isTransposed = configuration.embeddingSize == nil && name == "rnn.weight_ih_l0"
            let tensor = Tensor(name: name, shape: shape, offset: offset, isTransposed: isTransposed)
            offset += Self.room(for: tensor.count)
            return tensor
        }
        count = offset
        vectorStride = Self.room(for: configuration.hiddenSize)
        vectors = (0..<configuration.layerCount).map { configuration.vectors(ofLayer: $0).map(\.name) }
    }

    private static func room(for count: Int) -> Int { (count + 63) / 64 * 64 }

    /// The names of a layer's learned vectors in their order.
    func vectors(ofLayer layer: Int) -> [String] { vectors[layer] }

    /// Where a tensor begins in an array.
    func address(of name: String, in base: DeviceAddress) -> DeviceAddress { base.float(offset(of: name)) }

    /// Floats before a tensor.
    func offset(of name: String) -> Int {
        guard let tensor = tensors.first(where: { $0.name == name }) else {
            preconditionFailure("the network has no parameters '\(name)'")
        }
        return tensor.offset
    }

    /// Lays tensors out.
    func packed(_ parameters: ModelParameters) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        for tensor in tensors {
            guard let entry = parameters[tensor.name] else { continue }
            let columns = tensor.shape.last ?? 1
            for (index, value) in entry.values.enumerated() {
                values[tensor.offset + place(of: index, columns: columns, in: tensor)] = value
            }
        }
        return values
    }

    /// The tensors of an array.
    func unpacked<Scalar: BinaryFloatingPoint & Sendable>(_ values: [Float]) -> NamedTensors<Scalar> {
        NamedTensors(
            tensors.map { tensor in
                let columns = tensor.shape.last ?? 1
                return .init(
                    name: tensor.name, shape: tensor.shape,
                    values: (0..<tensor.count).map {
                        Scalar(values[tensor.offset + place(of: $0, columns: columns, in: tensor)])
                    })
            })
    }

    private func place(of index: Int, columns: Int, in tensor: Tensor) -> Int {
        guard tensor.isTransposed else { return index }
        return index % columns * (tensor.count / columns) + index / columns
    }
}
