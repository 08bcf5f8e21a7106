import Foundation
import UnrollBase

/// A model's parameters with its matrices of weights in eight bits, as the file of a quantized model holds them.
///
/// In the file, a matrix such as `rnn.weight_hh_l0` has elements of type I8, and a tensor `rnn.weight_hh_l0.scale` beside it
/// the scales of its rows. Biases and learned vectors are 32-bit floats as ever.
package struct QuantizedParameters: Equatable {
    /// Everything but matrices and their scales.
    package let vectors: [ModelParameters.Entry]
    package let matrices: [QuantizedMatrix]

    /// Puts parameters together.
    package init(vectors: [ModelParameters.Entry], matrices: [QuantizedMatrix]) {
        (self.vectors, self.matrices) = (vectors, matrices)
    }

    /// Quantizes the matrices.
    ///
    /// - Throws: `ModelError.nonFinite`.
    package init(_ parameters: ModelParameters) throws(ModelError) {
        vectors = parameters.entries.filter { $0.shape.count != 2 }
        var matrices: [QuantizedMatrix] = []
        for entry in parameters.entries where entry.shape.count == 2 {
            matrices.append(try QuantizedMatrix(quantizing: entry))
        }
        self.matrices = matrices
    }

    /// The parameters that they stand for.
    var parameters: ModelParameters {
        ModelParameters(vectors + matrices.map(\.entry))
    }
}

// MARK: - In a file

extension QuantizedParameters {
    /// The floats of the file: first, so that they lie at multiples of four bytes.
    private var floats: [ModelParameters.Entry] {
        vectors
            + matrices.map {
                .init(
                    name: $0.name + QuantizedMatrix.scaleSuffix, shape: [$0.scales.count], values: $0.scales)
            }
    }

    /// Names, types and shapes in the order of the elements.
    private var tensors: [(name: String, elementType: SafetensorsElementType, shape: [Int])] {
        floats.map { ($0.name, .float32, $0.shape) } + matrices.map { ($0.name, .int8, $0.shape) }
    }

    /// The elements.
    var dataSection: Data {
        var bytes = Data()
        for entry in floats { bytes.append(Data(littleEndian: entry.values)) }
        for matrix in matrices {
            matrix.numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// The file that holds them, with metadata beside them.
    package func file(metadata: [String: String]) -> Data {
        SafetensorsHeader.encode(tensors, metadata: metadata) + dataSection
    }

    /// Takes them from a file.
    ///
    /// - Throws: `ModelError.invalidSafetensors` unless each matrix has its scales, and both are what its weights give when
    ///   they are quantized: whatever computes with the weights then computes with these numbers.
    init(_ header: SafetensorsHeader, in file: Data) throws(ModelError) {
        var floats: [String: ModelParameters.Entry] = [:]
        var numbers: [(name: String, shape: [Int], values: [Int8])] = []
        var unreadable: ModelError?
        file.withUnsafeBytes { file in
            for tensor in header.tensors {
                let bytes = UnsafeRawBufferPointer(rebasing: file[tensor.bytes])
                if tensor.elementType == .int8 {
                    numbers.append((tensor.name, tensor.shape, bytes.map { Int8(bitPattern: $0) }))
                } else if let values = tensor.elementType.floats(from: bytes) {
                    floats[tensor.name] = .init(name: tensor.name, shape: tensor.shape, values: values)
                } else {
                    unreadable = SafetensorsHeader.unreadable(tensor.name, of: tensor.elementType.rawValue)
                }
            }
        }
        if let unreadable { throw unreadable }
        var matrices: [QuantizedMatrix] = []
        for (name, shape, values) in numbers {
            let scales = floats.removeValue(forKey: name + QuantizedMatrix.scaleSuffix)
            guard shape.count == 2, let scales, scales.shape == [shape[0]] else {
                throw .invalidSafetensors(
                    "'\(name)' has elements of type I8 without a scale for each row in '\(name)\(QuantizedMatrix.scaleSuffix)'"
                )
            }
            let matrix = QuantizedMatrix(name: name, shape: shape, numbers: values, scales: scales.values)
            guard scales.values.allSatisfy(\.isFinite),
                try QuantizedMatrix(quantizing: matrix.entry) == matrix
            else {
                throw .invalidSafetensors(
                    "the numbers of '\(name)' are not scaled as 'unroll quantize' scales them")
            }
            matrices.append(matrix)
        }
        self.matrices = matrices
        vectors = header.tensors.compactMap { floats[$0.name] }
        if let matrix = vectors.first(where: { $0.shape.count == 2 }) {
            throw .invalidSafetensors(
                "'\(matrix.name)' has elements of floats, where a quantized model's are of type I8")
        }
    }
}
