/// Collects the operators of a graph and of the graphs within it, and gives their results names.
///
/// Constant tensors all belong to the outer graph, whose names the inner ones see.
struct ONNXGraphBuilder {
    private(set) var nodes: [ONNXNode] = []
    private(set) var tensors: [ONNXTensor] = []
    private var names: Set<String> = []
    /// The greatest number after each name that was asked for.
    private var numbers: [String: Int] = [:]
    private var constants: [UInt32: String] = [:]

    /// Takes a name, with a number after it if it has been taken.
    mutating func name(_ wish: String) -> String {
        var name = wish
        while !names.insert(name).inserted {
            let number = (numbers[wish] ?? 1) + 1
            numbers[wish] = number
            name = "\(wish)_\(number)"
        }
        return name
    }

    /// Adds an operator and returns the name of its only result, by default after the operator.
    mutating func add(
        _ operation: String, _ inputs: String..., as wish: String? = nil,
        _ attributes: [(name: String, value: ONNXAttribute)] = []
    ) -> String {
        let output = name(wish ?? operation.lowercased())
        add(operation, inputs, outputs: [output], attributes)
        return output
    }

    /// Adds an operator with any number of results, whose names have been taken.
    mutating func add(
        _ operation: String, _ inputs: [String], outputs: [String],
        _ attributes: [(name: String, value: ONNXAttribute)] = []
    ) {
        nodes.append(
            ONNXNode(operation: operation, inputs: inputs, outputs: outputs, attributes: attributes))
    }

    /// Adds operators to a list of their own, for a graph within this one.
    mutating func nodes(_ add: (inout Self) -> Void) -> [ONNXNode] {
        let outer = nodes
        nodes = []
        add(&self)
        defer { nodes = outer }
        return nodes
    }

    /// Adds a constant tensor, unless there is one of its name already, and returns its name.
    mutating func tensor(_ name: String, shape: [Int], _ values: @autoclosure () -> [Float]) -> String {
        if names.insert(name).inserted { tensors.append(ONNXTensor(name, shape: shape, values())) }
        return name
    }

    /// The same number for every element.
    mutating func constant(_ value: Float) -> String {
        if let known = constants[value.bitPattern] { return known }
        let name = name("constant")
        tensors.append(ONNXTensor(name, shape: [], [value]))
        constants[value.bitPattern] = name
        return name
    }

    /// A list of dimensions that an operator acts on.
    mutating func axes(_ axis: Int64) -> String {
        let name = "axis_\(axis)"
        if names.insert(name).inserted { tensors.append(ONNXTensor(name, [axis])) }
        return name
    }
}
