/// The order of recurrent layers that a file has.
extension ForeignLayer {
    /// Orders layers from the input up and checks that each reads what the one below gives.
    ///
    /// Layers of one prefix have numbers. Those of several prefixes belong together if only numbers tell the prefixes
    /// apart, as with `lstm_1` and `lstm_2`. Where there are others, `name` is the prefix of the layers to take.
    static func stack(_ layers: [ForeignLayer], named name: String?) throws(ImportError) -> [ForeignLayer] {
        let prefixes = Set(layers.map(\.prefix)).sorted {
            numbers(in: $0) == numbers(in: $1)
                ? $0 < $1 : numbers(in: $0).lexicographicallyPrecedes(numbers(in: $1))
        }
        let labels = prefixes.map { String($0.dropLast()) }
        var chosen = prefixes
        if let name {
            chosen = prefixes.filter { $0 == name || $0.dropLast() == name }
            guard !chosen.isEmpty else { throw .unknownName(.rnn, name: name, known: labels) }
        }
        guard Set(chosen.map(stem)).count <= 1 else { throw .ambiguous(.rnn, candidates: labels) }
        let stack = chosen.flatMap { prefix in
            layers.filter { $0.prefix == prefix }.sorted { $0.index < $1.index }
        }
        try check(stack, of: chosen)
        return stack
    }

    private static func check(_ stack: [ForeignLayer], of prefixes: [String]) throws(ImportError) {
        for prefix in prefixes {
            for (index, layer) in stack.filter({ $0.prefix == prefix }).enumerated()
            where layer.index != index {
                throw .missingTensor("\(prefix)weight_hh_l\(index)")
            }
        }
        for (below, layer) in zip(stack, stack.dropFirst()) {
            let name = layer.sources.first?.name ?? layer.prefix
            guard layer.gateCount == below.gateCount else {
                throw .unsupportedFeature(.differentCells, tensor: name)
            }
            guard layer.hiddenSize == below.hiddenSize, layer.inputSize == below.hiddenSize else {
                throw .unsupportedFeature(.differentSizes, tensor: name)
            }
        }
    }

    /// The numbers in a prefix in their order.
    private static func numbers(in prefix: String) -> [Int] {
        prefix.split { !$0.isASCII || !$0.isNumber }.compactMap { Int($0) }
    }

    /// A prefix without its numbers.
    private static func stem(_ prefix: String) -> String {
        prefix.split { $0 == "." || $0 == "/" }.map { part in
            String(part.filter { !$0.isNumber }).replacing("_", with: "")
        }.joined(separator: "/")
    }
}
