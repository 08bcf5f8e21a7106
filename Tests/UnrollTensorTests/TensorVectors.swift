import Foundation
import Testing
import UnrollTensor

/// What PyTorch computed for one operation; see `Tools/oracles/tensor_vectors.py`.
struct TensorVector: Decodable {
    /// A tensor as shape and elements.
    struct Numbers: Decodable {
        let shape: [Int]
        let elements: [Float]

        var tensor: Tensor {
            get throws { try Tensor(elements, shape: shape) }
        }
    }

    let operation: String
    let arguments: Arguments
    let inputs: [Numbers]
    let value: Numbers
    /// Of the sum of the value's elements, each times its weight, with respect to each input.
    let gradients: [Numbers]

    /// The vectors of every file there is, by the file's name.
    static func all() throws -> [(file: String, vectors: [TensorVector])] {
        let folder = try #require(Bundle.module.url(forResource: "Oracles", withExtension: nil))
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try files.map { file in
            (file.lastPathComponent, try decoder.decode([TensorVector].self, from: Data(contentsOf: file)))
        }
    }
}

/// What an operation takes besides tensors.
struct Arguments: Decodable {
    var transposingA: Bool?
    var transposingB: Bool?
    var keepingAxes: Bool?
    var number: Float?
    var axis: Int?
    var axes: [Int]?
    var shape: [Int]?
    var range: [Int]?
    var indices: [Int32]?
    var classes: Int?
}

/// The weights that make one number of a result: `(7 i mod 11) - 5`, so that no two neighbors get the same gradient.
func weights(_ shape: [Int]) throws -> Tensor {
    try Tensor((0..<shape.reduce(1, *)).map { Float($0 * 7 % 11 - 5) }, shape: shape)
}
