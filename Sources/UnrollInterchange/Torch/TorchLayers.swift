import UnrollModel

/// A Python class with the layers of a cell that PyTorch does not have.
struct TorchLayers {
    let lines: [String]

    init(_ configuration: ModelConfiguration, vocabularySize: Int) throws(ModelError) {
        let cell = try configuration.cellGraph()
        let (G, H, L) = (configuration.cell.gates.count, configuration.hiddenSize, configuration.layerCount)
        let isOneHot = configuration.embeddingSize == nil
        let states = configuration.stateNames.map { "old_\($0)" }
        let vectors = configuration.cell.vectorNames

        // Gates have numbers: their names may be words of Python, or none of its names.
        func gates(_ prefix: String) -> [String] { (0..<G).map { "\(prefix)\($0)" } }
        func tuple(_ names: [String]) -> String {
            names.joined(separator: ", ") + (names.count == 1 ? "," : "")
        }
        let formula = TorchFormula(
            cell, shares: configuration.expectedShares,
            names: .init(
                gates: gates("gate"), inputGates: cell.splitGates.map { "input\($0)" }, states: states,
                vectors: vectors.map { "p[\"\($0)\"]" }, layerInput: "x"))
        let whole = (0..<G).filter { !cell.splitGates.contains($0) }
        let sums = whole.map { "gate\($0) = gate\($0) + input\($0)" }

        let shapes =
            ["\"weight_ih\": (\(G * H), size), \"weight_hh\": (\(G * H), \(H))"]
            + ["bias_ih", "bias_hh"].map { "\"\($0)\": (\(G * H),)" } + vectors.map { "\"\($0)\": (\(H),)" }
        let product =
            isOneHot
            ? "(p[\"weight_ih\"].T[x] if layer == 0 else x @ p[\"weight_ih\"].T)" : "x @ p[\"weight_ih\"].T"
        let sizes = [configuration.embeddingSize ?? vocabularySize] + Array(repeating: H, count: L - 1)
        lines =
            [
                "",
                "class Recurrent(torch.nn.Module):",
                "    # Layers of the cell \(configuration.cell.name.debugDescription), whose formula is in step.",
                "    def __init__(self):",
                "        super().__init__()",
                "        for layer, size in enumerate(\(sizes)):",
                "            for name, shape in self.shapes(size).items():",
                "                self.register_parameter(f\"{name}_l{layer}\", torch.nn.Parameter(torch.empty(shape)))",
                "",
                "    def shapes(self, size):",
                "        return {\(shapes.joined(separator: ", "))}",
                "",
                "    def forward(self, x, state=None):",
                "        if state is None:",
                "            state = [self.bias_hh_l0.new_zeros(\(L), x.shape[1], \(H))] * \(states.count)",
                "        after = []",
                "        for layer in range(\(L)):",
                "            p = {name: getattr(self, f\"{name}_l{layer}\") for name in self.shapes(0)}",
                "            gates = \(product) + p[\"bias_ih\"]",
                "            steps = [[each[layer] for each in state]]",
                "            for t in range(len(x)):",
                "                steps.append(self.step(x[t], gates[t], steps[-1], p))",
                "            x = torch.stack([step[0] for step in steps[1:]])",
                "            after.append(steps[-1])",
                "        return x, [torch.stack(layers) for layers in zip(*after)]",
                "",
                "    def step(self, x, gates, state, p):",
                "        \(tuple(states)) = state",
                "        \(tuple(gates("input"))) = gates.chunk(\(G), -1)",
                "        hidden = \(states[0]) @ p[\"weight_hh\"].T + p[\"bias_hh\"]",
                "        \(tuple(gates("gate"))) = hidden.chunk(\(G), -1)",
            ] + (sums + formula.lines).map { "        \($0)" } + [
                "        return \(tuple(formula.newStates))"
            ]
    }
}
