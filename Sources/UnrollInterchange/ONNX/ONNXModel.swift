import Foundation
import UnrollBase

// The messages of an ONNX file, as far as networks need them, with their fields in the order of their numbers.
//
// See <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

/// A network in the Open Neural Network Exchange format.
struct ONNXModel {
    /// The versions of the format and of the operators: the first with all that is used here is of 2022.
    static let (formatVersion, operatorVersion) = (8, 17)
    /// The largest message that Protocol Buffers allow.
    static let maximumSize = Int(Int32.max)

    let graph: ONNXGraph
    /// What stands beside the graph, by its keys.
    let metadata: [(key: String, value: String)]

    /// The contents of a file.
    var data: Data {
        var model = ProtobufMessage()
        model.add(Self.formatVersion, as: 1)
        model.add("unroll", as: 2)
        model.add(graph.message, as: 7)
        var operators = ProtobufMessage()
        operators.add("", as: 1)
        operators.add(Self.operatorVersion, as: 2)
        model.add(operators, as: 8)
        for (key, value) in metadata {
            var entry = ProtobufMessage()
            entry.add(key, as: 1)
            entry.add(value, as: 2)
            model.add(entry, as: 14)
        }
        return model.data
    }
}

/// Operators in the order of execution, and what goes in and out.
struct ONNXGraph {
    let name: String
    let nodes: [ONNXNode]
    /// Constant tensors by their names, such as weights.
    var tensors: [ONNXTensor] = []
    let inputs: [ONNXValue]
    let outputs: [ONNXValue]

    fileprivate var message: ProtobufMessage {
        var graph = ProtobufMessage()
        for node in nodes { graph.add(node.message, as: 1) }
        graph.add(name, as: 2)
        for tensor in tensors { graph.add(tensor.message, as: 5) }
        for input in inputs { graph.add(input.message, as: 11) }
        for output in outputs { graph.add(output.message, as: 12) }
        return graph
    }
}

/// One operator; an empty name stands for an input or output that is left out.
struct ONNXNode {
    let operation: String
    let inputs: [String]
    let outputs: [String]
    let attributes: [(name: String, value: ONNXAttribute)]

    fileprivate var message: ProtobufMessage {
        var node = ProtobufMessage()
        for input in inputs { node.add(input, as: 1) }
        for output in outputs { node.add(output, as: 2) }
        node.add(operation, as: 4)
        for (name, value) in attributes { node.add(value.message(name: name), as: 5) }
        return node
    }
}

/// A setting of an operator.
enum ONNXAttribute {
    case integer(Int)
    case integers([Int])
    case texts([String])
    case graph(ONNXGraph)

    fileprivate func message(name: String) -> ProtobufMessage {
        var attribute = ProtobufMessage()
        attribute.add(name, as: 1)
        let type: Int
        switch self {
        case .integer(let value):
            attribute.add([value], as: 3)
            type = 2
        case .graph(let graph):
            attribute.add(graph.message, as: 6)
            type = 5
        case .integers(let values):
            attribute.add(values, as: 8)
            type = 7
        case .texts(let values):
            for value in values { attribute.add(value, as: 9) }
            type = 8
        }
        attribute.add(type, as: 20)
        return attribute
    }
}

/// The type of a tensor's elements.
enum ONNXElementType: Int {
    case float = 1
    case int64 = 7
}

/// A constant tensor.
struct ONNXTensor {
    let name: String
    let shape: [Int]
    let elementType: ONNXElementType
    /// The elements, little-endian, the last dimension varying fastest.
    let elements: Data

    init(_ name: String, shape: [Int], _ values: [Float]) {
        self.name = name
        self.shape = shape
        elementType = .float
        elements = Data(littleEndian: values)
    }

    /// A vector of whole numbers.
    init(_ name: String, _ values: [Int64]) {
        self.name = name
        shape = [values.count]
        elementType = .int64
        elements = values.map(\.littleEndian).withUnsafeBytes { Data($0) }
    }

    fileprivate var message: ProtobufMessage {
        var tensor = ProtobufMessage()
        tensor.add(shape, as: 1)
        tensor.add(elementType.rawValue, as: 2)
        tensor.add(name, as: 8)
        tensor.add(elements, as: 9)
        return tensor
    }
}

/// A tensor that goes into a graph or comes out of it.
struct ONNXValue {
    /// The size of a dimension, or the name of one that callers choose.
    enum Dimension {
        case size(Int)
        case named(String)
    }

    let name: String
    let elementType: ONNXElementType
    let shape: [Dimension]

    fileprivate var message: ProtobufMessage {
        var (dimensions, tensor) = (ProtobufMessage(), ProtobufMessage())
        for dimension in shape {
            var message = ProtobufMessage()
            switch dimension {
            case .size(let size): message.add([size], as: 1)
            case .named(let name): message.add(name, as: 2)
            }
            dimensions.add(message, as: 1)
        }
        tensor.add(elementType.rawValue, as: 1)
        tensor.add(dimensions, as: 2)
        var (type, value) = (ProtobufMessage(), ProtobufMessage())
        type.add(tensor, as: 1)
        value.add(name, as: 1)
        value.add(type, as: 2)
        return value
    }
}
