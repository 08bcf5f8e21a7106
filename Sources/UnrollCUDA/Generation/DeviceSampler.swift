import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel

/// The kernel that generates texts, and memory of its own.
final class DeviceSampler {
    private let layout: SamplerLayout
    private let kernel: Kernel
    /// Teams that run at the same time.
    private let activeTeams: Int
    private let device: any Device
    /// What each token gives to the first layer's gates, [V, G H]; nil where weights of one-hot vectors say so.
    private let tokenGates: DeviceMemory?
    /// What one launch works in.
    private var memory: DeviceMemory?
    // Kernels live as long as their module.
    private let module: any KernelModule

    /// Bytes that the exchange of a launch takes at most, unless a single step takes more.
    private static let mostExchangedBytes = 64 << 20

    /// Compiles the kernel for a layout.
    ///
    /// - Returns: nil if not even one team can run on the device.
    private init?(
        _ layout: SamplerLayout, for configuration: ModelConfiguration, on device: any Device
    ) throws {
        module = try device.load(.sampler(of: configuration, layout))
        kernel = try module.kernel("sample")
        activeTeams = try device.activeBlocks(of: kernel, layout.launch(teams: 1, [])) / layout.blocks
        guard activeTeams > 0 else { return nil }
        self.layout = layout
        self.device = device
        let gateCount = layout.layer.gates * configuration.hiddenSize
        tokenGates =
            configuration.embeddingSize == nil
            ? nil : try DeviceMemory(byteCount: 4 * layout.vocabularySize * gateCount, on: device)
    }

    /// Finds the kernel for a network: that of the first layout of which a team can run.
    ///
    /// - Returns: nil if the weights do not fit on the chip.
    /// - Throws: `CUDAError`, or `ModelError` for the cell.
    static func find(
        for configuration: ModelConfiguration, _ precision: Precision, vocabularySize: Int,
        on device: any Device
    ) throws -> DeviceSampler? {
        let layouts = SamplerLayout.layouts(
            of: try RecurrentLayer(configuration, precision), layers: configuration.layerCount,
            vocabularySize: vocabularySize, on: device.properties)
        for layout in layouts {
            if let sampler = try DeviceSampler(layout, for: configuration, on: device) { return sampler }
        }
        return nil
    }

    /// What the kernel reads of a network.
    struct Network {
        let configuration: ModelConfiguration
        let dimensions: Dimensions
        let layout: ParameterLayout
        let parameters: DeviceAddress
        /// [L, states, B, H]; become those after the last token.
        let states: DeviceAddress
        /// The kernel of products.
        let product: Kernel
    }

    /// The n-gram model beside a network, and where texts are in it.
    struct NGrams {
        let model: DeviceNGrams
        /// The last tokens of each text, [B, order - 1]; -1 before its beginning.
        var histories: [Int32]
        /// Whether the logits of the first tokens are by both, and not by the network alone.
        var areFirstMixed: Bool

        /// Goes on after tokens, [B, steps].
        mutating func observe(_ tokens: [Int32], texts B: Int) {
            let (length, steps) = (model.order - 1, tokens.count / B)
            histories = (0..<B).flatMap { row in
                let before = histories[row * length..<(row + 1) * length]
                return (before + tokens[row * steps..<(row + 1) * steps]).suffix(length)
            }
            areFirstMixed = false
        }
    }

    /// The most tokens of each of so many texts that one launch generates.
    func longestRun(texts B: Int) -> Int {
        max(1, Self.mostExchangedBytes / (B * (layout.exchangedBytes + 4 * layout.layer.blocks)))
    }

    /// Chooses tokens and reads them.
    ///
    /// - Parameters:
    ///   - steps: Tokens of each text, at most `longestRun`.
    ///   - logits: Those of the first tokens, [B, V]; become the network's after the last.
    ///   - choices: How each text's tokens are chosen; become those of the tokens after the last.
    ///   - ngrams: The n-gram model beside the network, if any; goes on after the last token.
    ///   - network: The network.
    ///   - queue: The queue.
    /// - Returns: The tokens, [steps, B].
    /// - Throws: `CUDAError`.
    func run(
        _ steps: Int, logits: inout [Float], choices: inout [TokenChoice], ngrams: inout NGrams?,
        of network: Network, on queue: any DeviceQueue
    ) throws(CUDAError) -> [Int32] {
        let B = choices.count
        let words = SamplerWords(
            network, layout, logits: logits, choices: choices, histories: ngrams?.histories ?? [])
        let rows = RecurrenceChoice.rows(ofBatch: B, exchange: .grid, activeTeams: activeTeams)
        let teams = (B + rows - 1) / rows
        let order = ngrams?.model.order ?? 0
        let memory = try reserve(words, steps: steps, texts: B, teams: teams, order: order)
        try queue.copy(words.words, to: memory.input)
        try queue.fillWithZeros(
            memory.laterLogits, byteCount: memory.expected.distance(from: memory.laterLogits))
        let (gates, bias) = try prepareTokenGates(of: network, on: queue)
        let vectors =
            network.dimensions.readsLayerInput
            ? network.layout.address(of: "embedding.weight", in: network.parameters) : nil
        func input(_ word: Int) -> KernelArgument { .address(memory.input + 4 * word) }
        var arguments: [KernelArgument] = [
            .int(steps), .int(B), .int(rows), .address(network.parameters), input(words.places),
            .int(network.layout.vectorStride), .address(gates), bias.map { .address($0) } ?? .null,
            vectors.map { .address($0) } ?? .null, input(words.shares), .address(network.states),
            input(words.choices), input(words.banned), input(words.recent),
        ]
        arguments += ngrams?.model.arguments ?? DeviceNGrams.noArguments
        // Without n-grams there is no memory for these.
        let (nodes, expected): (KernelArgument, KernelArgument) =
            ngrams == nil ? (.null, .null) : (.address(memory.nodes), .address(memory.expected))
        arguments += [
            .int(ngrams?.areFirstMixed == true ? 1 : 0), input(words.histories), nodes, expected,
            .address(memory.chosen), .address(memory.exchanged), input(words.logits),
        ]
        try queue.launch(kernel, layout.launch(teams: teams, arguments))
        var last = [UInt32](repeating: 0, count: B * layout.logitCount)
        try queue.copy(memory.laterLogits + (steps - 1) * 4 * last.count, to: &last)
        // All blocks of the first layer chose the same; these are the first one's, [B, steps].
        var chosen = [Int32](repeating: 0, count: B * steps)
        try queue.copy(memory.chosen, to: &chosen)
        ngrams?.observe(chosen, texts: B)
        let V = layout.vocabularySize
        for row in 0..<B {
            for token in 0..<V {
                logits[row * V + token] = Float(bitPattern: ~last[row * layout.logitCount + token])
            }
            choices[row].observe(chosen[row * steps..<(row + 1) * steps])
        }
        return (0..<steps).flatMap { t in (0..<B).map { row in chosen[row * steps + t] } }
    }

    /// What tokens give to the first layer's gates, and a bias that is not in it yet.
    private func prepareTokenGates(
        of network: Network, on queue: any DeviceQueue
    ) throws(CUDAError) -> (gates: DeviceAddress, bias: DeviceAddress?) {
        func parameter(_ name: String) -> DeviceAddress {
            network.layout.address(of: name, in: network.parameters)
        }
        guard let tokenGates, let E = network.dimensions.E else {
            return (parameter("rnn.weight_ih_l0"), parameter("rnn.bias_ih_l0"))
        }
        let gateCount = network.dimensions.G * network.dimensions.H
        try queue.product(
            Matrix(parameter("embedding.weight"), rows: network.dimensions.V, columns: E),
            Matrix(parameter("rnn.weight_ih_l0"), rows: gateCount, columns: E).transposed,
            plus: parameter("rnn.bias_ih_l0"), into: tokenGates.address, by: network.product)
        return (tokenGates.address, nil)
    }

    /// Where a launch finds everything.
    private struct Places {
        /// `SamplerWords`, at whose end are the logits of the first tokens.
        var input: DeviceAddress
        /// The logits after those.
        var laterLogits: DeviceAddress
        /// What layers exchange.
        var exchanged: DeviceAddress
        /// The n-gram model's probabilities, [teams, blocks, choosers, V] in double precision.
        var expected: DeviceAddress
        /// The tokens, [blocks, B, steps].
        var chosen: DeviceAddress
        /// Where texts are in the n-gram model, [blocks, B, order].
        var nodes: DeviceAddress
    }

    /// Makes room for a launch; without an n-gram model, its order is 0.
    private func reserve(
        _ words: SamplerWords, steps: Int, texts B: Int, teams: Int, order: Int
    ) throws(CUDAError) -> Places {
        let blocks = layout.layer.blocks
        // Those of numbers of eight bytes begin at multiples of it, as all before them have multiples of 64.
        let sizes = [
            4 * words.words.count, 4 * B * layout.logitCount * steps,
            B * layout.layers * layout.layer.forwardBytes(rows: 1) * (steps + 1),
            order > 0 ? 8 * teams * blocks * layout.choosers * layout.vocabularySize : 0,
            4 * blocks * B * steps, 4 * blocks * B * order,
        ]
        let byteCount = sizes.reduce(0, +)
        if memory.map({ $0.byteCount < byteCount }) ?? true {
            memory = nil
            try device.requireMemory(byteCount)
            memory = try DeviceMemory(byteCount: byteCount, on: device)
        }
        guard var place = memory?.address else { preconditionFailure("memory has just been reserved") }
        let places = sizes.map { size in
            defer { place = place + size }
            return place
        }
        return Places(
            input: places[0], laterLogits: places[1], exchanged: places[2], expected: places[3],
            chosen: places[4], nodes: places[5])
    }
}
