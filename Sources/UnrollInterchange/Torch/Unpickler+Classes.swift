import UnrollBase
import UnrollModel

/// What takes the place of the classes and functions that a file of parameters names.
extension Unpickler {
    /// The value that a call makes.
    ///
    /// - Throws: `ImportError.unknownClass` unless the function is one of those that make tensors and dictionaries.
    mutating func value(of function: PickledValue, calledWith arguments: PickledValue) throws -> PickledValue
    {
        guard case .global(let name) = function, let arguments = pickle.elements(of: arguments) else {
            throw damaged("what is called is no function")
        }
        switch name {
        case "collections.OrderedDict":
            guard arguments.isEmpty else { throw damaged("an ordered dictionary is not made empty") }
            return dictionary([])
        case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
            return try tensor(arguments)
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
            guard let first = arguments.first, case .tensor = first else {
                throw damaged("a parameter has no tensor")
            }
            return first
        case "torch.Size":
            guard let first = arguments.first, pickle.elements(of: first) != nil else {
                throw damaged("a shape has no sizes")
            }
            return first
        case "torch.device":
            return .other
        default:
            throw ImportError.unknownClass(name)
        }
    }

    /// Why a value cannot be made or be given a state.
    func refusal(of value: PickledValue) -> any Error {
        if case .global(let name) = value {
            ImportError.unknownClass(name)
        } else {
            damaged("a state has no object")
        }
    }

    /// The storage that the five parts of a persistent identifier describe: a mark, type, key, device and size.
    mutating func storage(_ identifier: PickledValue) throws -> PickledValue {
        guard let parts = pickle.elements(of: identifier), parts.count == 5, parts[0].string == "storage",
            case .global(let type) = parts[1], let key = parts[2].string, let count = parts[4].integer,
            count >= 0
        else { throw damaged("a storage is not described") }
        guard let elementType = Self.elementTypes[type] else { throw ImportError.unknownClass(type) }
        pickle.storages.append(TorchStorage(elementType: elementType, key: key, count: count))
        return .storage(pickle.storages.count - 1)
    }

    private static let elementTypes: [String: SafetensorsElementType] = [
        "torch.FloatStorage": .float32, "torch.DoubleStorage": .float64, "torch.HalfStorage": .float16,
        "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
        "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
        "torch.BoolStorage": .bool,
    ]

    /// The tensor of a storage, an offset, a shape and strides; what follows them is of no interest.
    private mutating func tensor(_ arguments: [PickledValue]) throws -> PickledValue {
        guard arguments.count >= 4, case .storage(let index) = arguments[0],
            let offset = arguments[1].integer, offset >= 0, let shape = sizes(arguments[2]),
            let strides = sizes(arguments[3]), shape.count == strides.count
        else { throw damaged("a tensor is not described") }
        pickle.tensors.append(
            TorchTensor(storage: pickle.storages[index], offset: offset, shape: shape, strides: strides))
        return .tensor(pickle.tensors.count - 1)
    }

    /// PyTorch's limit; without any, many tensors could share one long list.
    private static let maximumRank = 64

    /// The sizes or strides of a tensor's dimensions.
    private func sizes(_ value: PickledValue) -> [Int]? {
        guard let elements = pickle.elements(of: value), elements.count <= Self.maximumRank else {
            return nil
        }
        let sizes = elements.compactMap(\.integer).filter { $0 >= 0 }
        return sizes.count == elements.count ? sizes : nil
    }
}
