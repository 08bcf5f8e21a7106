import CUnrollKernels
import UnrollKernels
import UnrollModel

/// A cell's graph as two lists of tile operations, with a place in memory for every value.
///
/// Lowering does the following, in this order: drop what no result needs; apply a function to a gate while its matrix
/// product is stored, if nothing else sees the gate itself; merge a product into the one sum or derivative that uses
/// it; place values (states and what the backward pass needs in memory, gates where their gradients will be, the rest
/// in tiles that stay in the L1 cache). A cell of one gate and one state, whose backward formula is a single derivative,
/// needs no program at all.
struct CellProgram {
    /// Where a value lives.
    enum Location: Hashable {
        /// A state before the step.
        case previousState(Int)
        /// A state after the step.
        case newState(Int)
        /// What share of a state's change happens, over all steps.
        case mask(state: Int)
        /// A value kept for the backward pass, over all steps.
        case saved(Int)
        /// The gradient of a gate, over all steps; of a split one, of the half from the previous state.
        case gateGradient(Int)
        /// The gradient of the half of a split gate that comes from the input, over all steps.
        case gateInputGradient(Int)
        /// A learned vector of the layer, the same for all steps and rows.
        case vector(Int)
        /// What every row adds to the gradient of a learned vector, over all steps.
        case vectorGradient(Int)
        /// What the layer reads, over all steps.
        case layerInput
        /// Its gradient, without what flows through the gates, over all steps: in the place of the output's gradient, which
        /// is read first.
        case layerInputGradient
        /// The gradient of a state on its way from a step to the one before.
        case carriedGradient(Int)
        /// A tile of this thread.
        case scratch(Int)
    }

    /// The index of a location in the table that the kernels resolve.
    typealias Slot = Int32

    private(set) var slots: [Location] = []
    private(set) var forward: [UnrollInstruction] = []
    private(set) var backward: [UnrollInstruction] = []
    /// The slot that each gate is stored to, after its function.
    private(set) var gateSlots: [Slot] = []
    private(set) var gateFunctions: [Int32] = []
    /// The slot that the half of each gate which comes from the input is stored to; negative if it is not split.
    private(set) var gateInputSlots: [Slot] = []
    /// Where the gradient of the output arrives.
    private(set) var outputGradientSlot: Slot = 0
    /// The gradient that bypasses the gates, which is added to it first; negative if there is none.
    private(set) var directGradientSlot: Slot = -1
    /// The function whose derivative alone is the backward formula, or the identity.
    private(set) var fusedDerivative = Int32(UNROLL_FUNCTION_IDENTITY.rawValue)
    /// The slot of what the layer reads; nil if the formula does not read it.
    var layerInputSlot: Int? { slots.firstIndex(of: .layerInput) }
    private(set) var savedCount = 0
    private(set) var scratchCount = 0

    private let graph: CellGraph
    /// What does not depend on any element, which is computed here and not by the kernels.
    private let constants: [CellGraph.NodeID: Double]
    /// The tiles that hold constants for operations which have no other form of them, in one direction.
    private var constantTiles: [CellGraph.NodeID: Slot] = [:]
    /// The learned vectors that have been spread over the rows of a tile, in one direction.
    private var spreadVectors: Set<CellGraph.NodeID> = []
    private let uses: [Int]
    private let gateFunction: [CellGraph.NodeID: CellGraph.NodeID]
    private let mergedProducts: Set<CellGraph.NodeID>
    private var locations: [CellGraph.NodeID: Location] = [:]

    init(_ graph: CellGraph) {
        self.graph = graph
        constants = graph.fixedValues
        uses = Self.countUses(in: graph, constants: constants)
        gateFunction = Self.functionsOfGates(in: graph, uses: uses)
        mergedProducts = Self.productsToMerge(in: graph, uses: uses, constants: constants)
        placeForwardValues()
        lowerForward()
        lowerBackward()
        shareScratch()
    }

    // MARK: Analysis

    /// How often each node is used by live nodes and results; zero for dead ones.
    private static func countUses(in graph: CellGraph, constants: [CellGraph.NodeID: Double]) -> [Int] {
        var uses = [Int](repeating: 0, count: graph.nodes.count)
        let gradients =
            graph.gateGradients + graph.gateInputGradients + graph.previousStateGradients
            + graph.parameterGradients + [graph.layerInputGradient].compactMap(\.self)
        for result in graph.newStates + gradients { uses[result] += 1 }
        for node in graph.nodes.indices.reversed() where uses[node] > 0 && constants[node] == nil {
            for operand in graph.nodes[node].operands { uses[operand] += 1 }
        }
        return uses
    }

    /// For each gate that only one function sees, that function's node.
    private static func functionsOfGates(in graph: CellGraph, uses: [Int]) -> [CellGraph.NodeID: CellGraph
        .NodeID]
    {
        var functions: [CellGraph.NodeID: CellGraph.NodeID] = [:]
        for (node, content) in graph.nodes.enumerated() where uses[node] > 0 {
            if case .unary(let function, let gate) = content, function.kernelFunction != nil,
                case .gate = graph.nodes[gate], uses[gate] == 1
            {
                functions[gate] = node
            }
        }
        return functions
    }

    /// Products that the one node which uses them can make itself.
    private static func productsToMerge(
        in graph: CellGraph, uses: [Int], constants: [CellGraph.NodeID: Double]
    ) -> Set<CellGraph.NodeID> {
        func isMergeable(_ node: CellGraph.NodeID) -> Bool {
            guard case .binary(.multiply, let a, let b) = graph.nodes[node], uses[node] == 1 else {
                return false
            }
            return constants[a] == nil && constants[b] == nil
        }
        var merged: Set<CellGraph.NodeID> = []
        for (node, content) in graph.nodes.enumerated() where uses[node] > 0 {
            switch content {
            case .binary(.add, let a, let b) where constants[a] == nil && constants[b] == nil:
                if isMergeable(b) { merged.insert(b) } else if isMergeable(a) { merged.insert(a) }
            case .derivative(let function, _, let gradient) where function.derivativeOfProductOpcode != nil:
                if isMergeable(gradient) { merged.insert(gradient) }
            default: break
            }
        }
        return merged
    }

    // MARK: Placement

    private mutating func placeForwardValues() {
        for node in graph.nodes.indices where uses[node] > 0 {
            switch graph.nodes[node] {
            case .previousState(let state): locations[node] = .previousState(state)
            case .mask(let state): locations[node] = .mask(state: state)
            case .layerInput: locations[node] = .layerInput
            default: break
            }
        }
        for (state, node) in graph.newStates.enumerated()
        where locations[node] == nil && constants[node] == nil {
            locations[node] = .newState(state)
        }
        let ownPlaces = placesOfGates
        for node in graph.nodes.indices where node >= graph.forwardCount && uses[node] > 0 {
            for operand in operandsAfterMerging(of: node) where operand < graph.forwardCount {
                guard locations[operand] == nil, constants[operand] == nil, vector(operand) == nil else {
                    continue
                }
                if let place = ownPlaces[operand] {
                    locations[operand] = place
                } else {
                    locations[operand] = .saved(savedCount)
                    savedCount += 1
                }
            }
        }
    }

    /// Where what a gate stores can wait for the backward pass: its gradient needs the place only then.
    private var placesOfGates: [CellGraph.NodeID: Location] {
        var places: [CellGraph.NodeID: Location] = [:]
        for (node, content) in graph.nodes.enumerated() {
            switch content {
            case .gate(let gate):
                places[gateFunction[node] ?? node] = .gateGradient(gate)
            case .gateInput(let split):
                places[node] = .gateInputGradient(split)
            default: break
            }
        }
        return places
    }

    /// Whether a backward instruction after that of `node` reads what was at a location before it.
    private func isRead(_ location: Location, after node: CellGraph.NodeID) -> Bool {
        graph.nodes.indices.contains { later in
            later > node && later >= graph.forwardCount && uses[later] > 0 && !mergedProducts.contains(later)
                && operandsAfterMerging(of: later).contains { locations[$0] == location }
        }
    }

    /// What the instruction for a node reads, merged products replaced by their factors.
    private func operandsAfterMerging(of node: CellGraph.NodeID) -> [CellGraph.NodeID] {
        graph.nodes[node].operands.flatMap { mergedProducts.contains($0) ? graph.nodes[$0].operands : [$0] }
    }

    private mutating func location(of node: CellGraph.NodeID) -> Location {
        if let location = locations[node] { return location }
        let scratch = newScratch()
        locations[node] = scratch
        return scratch
    }

    private mutating func newScratch() -> Location {
        scratchCount += 1
        return .scratch(scratchCount - 1)
    }

    /// Lets scratch values that are not needed at the same time, or in the same direction, share a tile.
    private mutating func shareScratch() {
        let old = slots
        func isScratch(_ slot: Slot) -> Bool {
            if case .scratch = old[Int(slot)] { true } else { false }
        }
        let given = (gateSlots + gateInputSlots).filter { $0 >= 0 }
        let before = ScratchTiles(for: forward, given: given, isScratch: isScratch)
        let after = ScratchTiles(
            for: backward, given: backward.isEmpty ? [] : [outputGradientSlot], isScratch: isScratch)
        scratchCount = max(before.count, after.count)
        slots = []
        // In the order in which they were; of scratch, each tile once.
        var new: [[Slot: Slot]] = [[:], [:]]
        for index in old.indices {
            let slot = Slot(index)
            for (direction, plan) in [before, after].enumerated() {
                let location = isScratch(slot) ? plan.tiles[slot].map { Location.scratch($0) } : old[index]
                if let location { new[direction][slot] = self.slot(location) }
            }
        }
        func moved(_ slot: Slot, _ direction: Int) -> Slot { new[direction][slot] ?? slot }
        func moved(_ instructions: [UnrollInstruction], _ direction: Int) -> [UnrollInstruction] {
            instructions.map { $0.movingSlots { moved($0, direction) } }
        }
        (forward, backward) = (moved(forward, 0), moved(backward, 1))
        gateSlots = gateSlots.map { moved($0, 0) }
        gateInputSlots = gateInputSlots.map { moved($0, 0) }
        outputGradientSlot = moved(outputGradientSlot, 1)
        directGradientSlot = moved(directGradientSlot, 1)
    }

    private mutating func slot(_ location: Location) -> Slot {
        if let index = slots.firstIndex(of: location) { return Slot(index) }
        slots.append(location)
        return Slot(slots.count - 1)
    }

    private mutating func slot(of node: CellGraph.NodeID) -> Slot {
        slot(location(of: node))
    }

    // MARK: Lowering

    private mutating func lowerForward() {
        for gate in 0..<graph.gateCount {
            let node = graph.nodes.firstIndex(of: .gate(gate)).flatMap { uses[$0] > 0 ? $0 : nil }
            if let node, let function = gateFunction[node], case .unary(let kind, _) = graph.nodes[function] {
                gateSlots.append(slot(of: function))
                gateFunctions.append(Int32((kind.kernelFunction ?? UNROLL_FUNCTION_IDENTITY).rawValue))
            } else {
                // A gate that no formula uses is computed into a tile that nothing reads.
                let location = if let node { location(of: node) } else { newScratch() }
                gateSlots.append(slot(location))
                gateFunctions.append(Int32(UNROLL_FUNCTION_IDENTITY.rawValue))
            }
        }
        for gate in 0..<graph.gateCount {
            let split = graph.splitGates.firstIndex(of: gate)
            let node = split.flatMap { graph.nodes.firstIndex(of: .gateInput($0)) }
            // A half that no formula uses is computed into a tile that nothing reads.
            gateInputSlots.append(
                split == nil
                    ? -1 : slot(node.map { uses[$0] > 0 ? location(of: $0) : newScratch() } ?? newScratch()))
        }
        let storedByGates = Set(gateFunction.values)
        for node in 0..<graph.forwardCount where !storedByGates.contains(node) {
            forward += instructions(for: node)
        }
        for (state, node) in graph.newStates.enumerated() {
            let destination = slot(.newState(state))
            if let constant = constants[node] {
                forward.append(.constant(constant, to: destination))
            } else {
                forward += spreading([node])
                if locations[node] != .newState(state) {
                    forward.append(.copy(slot(of: node), to: destination))
                }
            }
        }
    }

    private mutating func lowerBackward() {
        if !graph.isZero(graph.previousStateGradients[0]) { directGradientSlot = slot(.carriedGradient(0)) }
        if let function = soleDerivative {
            fusedDerivative = Int32(function.rawValue)
            return
        }
        for node in graph.nodes.indices {
            if case .stateGradient(let state) = graph.nodes[node] {
                locations[node] = state == 0 ? newScratch() : .carriedGradient(state)
                if state == 0 { outputGradientSlot = slot(of: node) }
            }
        }
        var copies: [(from: CellGraph.NodeID, to: Location)] = []
        var late: [UnrollInstruction] = []
        let kept =
            graph.gateGradients.enumerated().map { ($1, Location.gateGradient($0)) }
            + graph.gateInputGradients.enumerated().map { ($1, Location.gateInputGradient($0)) }
            + graph.parameterGradients.enumerated().map { ($1, Location.vectorGradient($0)) }
            + [graph.layerInputGradient].compactMap(\.self).map { ($0, Location.layerInputGradient) }
        for (node, destination) in kept {
            // Whatever the forward pass has left there is not a gradient.
            if let constant = constants[node] {
                late.append(.constant(constant, to: slot(destination)))
                continue
            }
            if locations[node] == nil, !isRead(destination, after: node) { locations[node] = destination }
            if locations[node] != destination { copies.append((node, destination)) }
        }
        for (state, node) in graph.previousStateGradients.enumerated() where !graph.isZero(node) {
            let destination = Location.carriedGradient(state)
            if locations[node] == nil, !isRead(destination, after: node) { locations[node] = destination }
            if locations[node] != destination { copies.append((node, destination)) }
        }
        (constantTiles, spreadVectors) = ([:], [])
        for node in graph.forwardCount..<graph.nodes.count {
            backward += instructions(for: node)
        }
        append(copies)
        backward += late
    }

    /// Appends copies that all read before any of them writes what another reads.
    private mutating func append(_ copies: [(from: CellGraph.NodeID, to: Location)]) {
        var late: [UnrollInstruction] = []
        for (node, destination) in copies {
            var source = slot(of: node)
            if case .carriedGradient = location(of: node) {
                let buffer = slot(newScratch())
                backward.append(.copy(source, to: buffer))
                source = buffer
            }
            late.append(.copy(source, to: slot(destination)))
        }
        backward += late
    }

    /// The function f of a cell whose backward formula is just `gradient of h` x f'.
    private var soleDerivative: UnrollFunction? {
        guard graph.gateCount == 1, graph.splitGates.isEmpty, graph.stateCount == 1, directGradientSlot < 0,
            case .derivative(let function, let value, let gradient) = graph.nodes[graph.gateGradients[0]],
            value == graph.newStates[0], graph.nodes[gradient] == .stateGradient(0),
            graph.parameterGradients.allSatisfy(graph.isZero), !graph.readsLayerInput
        else { return nil }
        return function.kernelFunction
    }

    /// The instruction that computes a node, after those that fill tiles with the constants that it reads.
    private mutating func instructions(for node: CellGraph.NodeID) -> [UnrollInstruction] {
        guard uses[node] > 0, !mergedProducts.contains(node), constants[node] == nil else { return [] }
        var instructions = spreading(operandsAfterMerging(of: node))
        if let instruction = affineInstruction(for: node) { return instructions + [instruction] }
        guard let operation = operation(for: node) else { return [] }
        var slots: [Slot] = []
        for operand in operation.operands {
            guard let constant = constants[operand] else {
                slots.append(slot(of: operand))
                continue
            }
            let tile = constantTiles[operand] ?? slot(newScratch())
            if constantTiles.updateValue(tile, forKey: operand) == nil {
                instructions.append(.constant(constant, to: tile))
            }
            slots.append(tile)
        }
        instructions.append(.init(operation.opcode, slots, to: slot(of: node), scale: operation.scale))
        return instructions
    }

    /// The learned vector that a node is; nil of any other.
    private func vector(_ node: CellGraph.NodeID) -> Int? {
        if case .parameter(let index) = graph.nodes[node] { index } else { nil }
    }

    /// What spreads learned vectors over the rows of tiles, unless it has been done: all of an operation's operands have
    /// as many rows.
    private mutating func spreading(_ nodes: [CellGraph.NodeID]) -> [UnrollInstruction] {
        var instructions: [UnrollInstruction] = []
        for node in nodes {
            guard let index = vector(node), spreadVectors.insert(node).inserted else { continue }
            instructions.append(.broadcast(slot(.vector(index)), to: slot(of: node)))
        }
        return instructions
    }

    /// The operation on tiles that computes a node, with the number that it may need; nil of a leaf.
    private func operation(
        for node: CellGraph.NodeID
    ) -> (opcode: UnrollOpcode, operands: [CellGraph.NodeID], scale: Double)? {
        switch graph.nodes[node] {
        case .gate, .gateInput, .previousState, .parameter, .layerInput, .mask, .stateGradient, .constant:
            return nil
        case .unary(let function, let a):
            return (function.opcode, [a], 1)
        case .power(let a, let exponent):
            return (UNROLL_OP_POWER, [a], exponent)
        case .binary(.add, let a, let product) where mergedProducts.contains(product):
            return (UNROLL_OP_MULTIPLY_ADD, graph.nodes[product].operands + [a], 1)
        case .binary(.add, let product, let b) where mergedProducts.contains(product):
            return (UNROLL_OP_MULTIPLY_ADD, graph.nodes[product].operands + [b], 1)
        case .binary(let function, let a, let b):
            return (function.opcode, [a, b], 1)
        case .derivative(let function, let value, let product) where mergedProducts.contains(product):
            let opcode = function.derivativeOfProductOpcode ?? function.opcode
            return (opcode, [value] + graph.nodes[product].operands, 1)
        case .derivative(let function, let value, let gradient):
            return (function.opcode, [value, gradient], 1)
        case .gradientOfGreater(let a, let b, let gradient):
            return (UNROLL_OP_GRADIENT_OF_GREATER, [a, b, gradient], 1)
        }
    }

    /// What arithmetic with a constant comes to; nil of any other node.
    private mutating func affineInstruction(for node: CellGraph.NodeID) -> UnrollInstruction? {
        guard case .binary(let operation, let a, let b) = graph.nodes[node] else { return nil }
        switch (operation, constants[a], constants[b]) {
        case (.add, let constant?, _): return .affine(slot(of: b), offset: constant, to: slot(of: node))
        case (.add, _, let constant?): return .affine(slot(of: a), offset: constant, to: slot(of: node))
        case (.subtract, let constant?, _):
            return .affine(slot(of: b), scale: -1, offset: constant, to: slot(of: node))
        case (.subtract, _, let constant?):
            return .affine(slot(of: a), offset: -constant, to: slot(of: node))
        case (.multiply, let constant?, _):
            return .affine(slot(of: b), scale: constant, to: slot(of: node))
        case (.multiply, _, let constant?):
            return .affine(slot(of: a), scale: constant, to: slot(of: node))
        case (.divide, _, let constant?):
            return .affine(slot(of: a), scale: 1 / constant, to: slot(of: node))
        default: return nil
        }
    }
}
