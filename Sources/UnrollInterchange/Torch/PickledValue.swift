import UnrollModel

/// A value of a pickle.
///
/// What contains others is a place in the ``Pickle``, so that neither cycles nor deep nesting cost a stack.
enum PickledValue {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
    case list(Int)
    case tuple(Int)
    case dictionary(Int)
    case storage(Int)
    case tensor(Int)
    /// A class or function by its full name, such as `torch.FloatStorage`.
    case global(String)
    /// A value that no model needs, such as bytes or a number of more than 64 bits.
    case other

    /// Whether it is a list, a tuple or a dictionary.
    var isContainer: Bool {
        switch self {
        case .list, .tuple, .dictionary: true
        default: false
        }
    }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
}

/// The elements that tensors share.
struct TorchStorage: Equatable {
    let elementType: SafetensorsElementType
    /// The name of the file with the elements.
    let key: String
    /// The number of elements.
    let count: Int
}

/// A view into a storage.
struct TorchTensor: Equatable {
    let storage: TorchStorage
    /// The first element.
    let offset: Int
    let shape: [Int]
    /// The elements between neighbors, for each dimension.
    let strides: [Int]
}

/// What a pickle holds.
struct Pickle {
    /// The outermost value.
    var root = PickledValue.none
    /// The elements of lists and tuples.
    var sequences: [[PickledValue]] = []
    /// The members of dictionaries in the order of their insertion; a later one replaces an earlier one of the same key.
    var dictionaries: [[(key: PickledValue, value: PickledValue)]] = []
    var storages: [TorchStorage] = []
    var tensors: [TorchTensor] = []

    /// The elements of a list or tuple; nil for other values.
    func elements(of value: PickledValue) -> [PickledValue]? {
        switch value {
        case .list(let index), .tuple(let index): sequences[index]
        default: nil
        }
    }
}
