import UnrollModel

/// The tensors of a file that no part of the model has taken yet.
struct TensorPool {
    private var tensors: [String: ModelParameters.Entry]

    /// More than 64 layers have, of any framework; the search for parts compares each with each.
    private static let maximumCount = 2048

    /// The tensors of a file.
    ///
    /// - Throws: `ImportError.notFinite` for values that are not numbers, or larger than 32 bits hold; `.tooManyTensors`.
    init(_ entries: [ModelParameters.Entry]) throws(ImportError) {
        try Self.check(count: entries.count)
        tensors = [:]
        for entry in entries {
            guard entry.values.allSatisfy(\.isFinite) else { throw .notFinite(name: entry.name) }
            tensors[entry.name] = entry
        }
    }

    /// Checks a number of tensors before they are read.
    static func check(count: Int) throws(ImportError) {
        guard count <= maximumCount else { throw .tooManyTensors(count, limit: maximumCount) }
    }

    /// The names that are left, in order.
    var names: [String] { tensors.keys.sorted() }

    /// The tensors that are left, in the order of their names.
    var entries: [ModelParameters.Entry] { tensors.values.sorted { $0.name < $1.name } }

    func shape(of name: String) -> [Int]? { tensors[name]?.shape }

    /// Takes a matrix out whose sizes are these where they are given; `expected` says them in letters.
    mutating func takeMatrix(
        _ name: String, rows: Int? = nil, columns: Int? = nil, expected: String
    ) throws(ImportError) -> Matrix {
        guard let tensor = tensors.removeValue(forKey: name) else { throw .missingTensor(name) }
        guard let matrix = Matrix(tensor), rows ?? matrix.rows == matrix.rows,
            columns ?? matrix.columns == matrix.columns, !matrix.values.isEmpty
        else { throw .wrongShape(name: name, shape: tensor.shape, expected: expected) }
        return matrix
    }

    /// Takes a vector out of this many numbers, if there is one of the name; `expected` says its shape in letters.
    mutating func takeVector(
        _ name: String, count: Int, expected: String
    ) throws(ImportError) -> [Float]? {
        guard let tensor = tensors.removeValue(forKey: name) else { return nil }
        guard tensor.shape == [count] else {
            throw .wrongShape(name: name, shape: tensor.shape, expected: expected)
        }
        return tensor.values
    }
}

/// A name such as `model.lstm.weight_ih_l0`: a prefix with its separator, and what stands after it.
struct TensorName {
    let prefix: String
    let leaf: String

    init(_ name: some StringProtocol) {
        let end = name.lastIndex { $0 == "." || $0 == "/" }.map { name.index(after: $0) } ?? name.startIndex
        (prefix, leaf) = (String(name[..<end]), String(name[end...]))
    }

    /// The prefix without its separator as a name of its own.
    var parent: TensorName { TensorName(prefix.dropLast()) }

    /// Whether a part of the name is that of a layer which reads in both directions, or from the end.
    var isBidirectional: Bool {
        prefix.split { $0 == "." || $0 == "/" }.contains {
            $0.lowercased().hasPrefix("bidirectional") || $0.hasPrefix("backward_")
        }
    }
}
