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

    /// The most tokens of each of so many texts that one launch generates.
    func longestRun(texts B: Int) -> Int {
        max(1, Self.mostExchangedBytes / (B * (layout.exchangedBytes + 4 * layout.layer.blocks)))
    }

    /// Chooses tokens and reads them.
    ///
    /// - Parameters:
    ///   - steps: Tokens of each text, at most `longestRun`.
    ///   - logits: Those of the first tokens, [B, V]; become those after the last.
    ///   - choices: How each text's tokens are chosen; become those of the tokens after the last.
    ///   - network: The network.
    ///   - queue: The queue.
    /// - Returns: The tokens, [steps, B].
    /// - Throws: `CUDAError`.
    func run(
        _ steps: Int, logits: inout [Float], choices: inout [TokenChoice], of network: Network,
        on queue: any DeviceQueue
    ) throws(CUDAError) -> [Int32] {
        let B = choices.count
        let words = SamplerWords(network, layout, logits: logits, choices: choices)
        let memory = try reserve(words, steps: steps, texts: B)
        try queue.copy(words.words, to: memory.input)
        try queue.fillWithZeros(
            memory.laterLogits, byteCount: memory.chosen.distance(from: memory.laterLogits))
        let rows = RecurrenceChoice.rows(ofBatch: B, exchange: .grid, activeTeams: activeTeams)
        let (gates, bias) = try prepareTokenGates(of: network, on: queue)
        try queue.launch(
            kernel,
            layout.launch(
                teams: (B + rows - 1) / rows,
                [
                    .int(steps), .int(B), .int(rows), .address(network.parameters),
                    .address(memory.input + 4 * words.places), .int(network.layout.vectorStride),
                    .address(gates), bias.map { .address($0) } ?? .null,
                    network.dimensions.readsLayerInput
                        ? .address(network.layout.address(of: "embedding.weight", in: network.parameters))
                        : .null,
                    .address(memory.input + 4 * words.shares), .address(network.states),
                    .address(memory.input + 4 * words.choices), .address(memory.input + 4 * words.banned),
                    .address(memory.input + 4 * words.recent), .address(memory.chosen),
                    .address(memory.exchanged), .address(memory.input + 4 * words.logits),
                ]))
        var last = [UInt32](repeating: 0, count: B * layout.logitCount)
        try queue.copy(memory.laterLogits + (steps - 1) * 4 * last.count, to: &last)
        // All blocks of the first layer chose the same; these are the first one's, [B, steps].
        var chosen = [Int32](repeating: 0, count: B * steps)
        try queue.copy(memory.chosen, to: &chosen)
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
        /// The tokens, [blocks, B, steps].
        var chosen: DeviceAddress
    }

    /// Makes room for a launch.
    private func reserve(_ words: SamplerWords, steps: Int, texts B: Int) throws(CUDAError) -> Places {
        let logits = 4 * B * layout.logitCount * steps
        let exchanged = B * layout.layers * layout.layer.forwardBytes(rows: 1) * (steps + 1)
        let chosen = 4 * layout.layer.blocks * B * steps
        let input = 4 * words.words.count
        let byteCount = input + logits + exchanged + chosen
        if memory.map({ $0.byteCount < byteCount }) ?? true {
            memory = nil
            try device.requireMemory(byteCount)
            memory = try DeviceMemory(byteCount: byteCount, on: device)
        }
        guard let base = memory?.address else { preconditionFailure("memory has just been reserved") }
        return Places(
            input: base, laterLogits: base + input, exchanged: base + (input + logits),
            chosen: base + (input + logits + exchanged))
    }
}

/// What the host says of texts that are generated, in 32-bit words one after the other.
private struct SamplerWords {
    private(set) var words: [UInt32] = []
    /// Where its parts begin: `Sampler` of `sampler.cu` says what they are.
    let places, shares, choices, banned, recent, logits: Int

    init(
        _ network: DeviceSampler.Network, _ layout: SamplerLayout, logits values: [Float],
        choices: [TokenChoice]
    ) {
        let (configuration, V) = (network.configuration, layout.vocabularySize)
        var words: [UInt32] = []
        func offset(_ name: String) -> UInt32 { UInt32(network.layout.offset(of: name)) }
        places = 0
        for layer in 0..<layout.layers {
            words += [
                offset("rnn.weight_hh_l\(layer)"), offset("rnn.bias_hh_l\(layer)"),
                offset("rnn.weight_ih_l\(layer)"), offset("rnn.bias_ih_l\(layer)"),
                network.layout.vectors(ofLayer: layer).first.map(offset) ?? 0,
            ]
        }
        words += [
            offset(network.dimensions.tiesWeights ? "embedding.weight" : "decoder.weight"),
            offset("decoder.bias"),
        ]
        shares = words.count
        words += (0..<network.dimensions.states).map {
            Float(1 - configuration.zoneout.probability(ofState: $0)).bitPattern
        }
        self.choices = words.count
        for choice in choices { words += choice.words(vocabularySize: V) }
        banned = words.count
        for choice in choices {
            var bits = [UInt32](repeating: 0, count: (V + 31) / 32)
            for token in choice.bannedTokens where (0..<Int32(V)).contains(token) {
                bits[Int(token) / 32] |= 1 << UInt32(token % 32)
            }
            words += bits
        }
        recent = words.count
        for choice in choices {
            let tokens = choice.recentTokens.suffix(TokenChoice.recentTokenLimit)
            words += repeatElement(UInt32.max, count: TokenChoice.recentTokenLimit - tokens.count)
            words += tokens.map { (0..<Int32(V)).contains($0) ? UInt32($0) : .max }
        }
        // Logits lie in steps of 64 bytes, as what follows them does.
        words += repeatElement(0, count: (16 - words.count % 16) % 16)
        logits = words.count
        for row in choices.indices {
            words += values[row * V..<(row + 1) * V].map {
                // As `sealed` of `grid.cuh` has it.
                $0.bitPattern == .max ? 0x8000_0000 : ~$0.bitPattern
            }
            words += repeatElement(.max, count: layout.logitCount - V)
        }
        self.words = words
    }
}

extension TokenChoice {
    /// `Choice` of `choice.cuh`.
    fileprivate func words(vocabularySize V: Int) -> [UInt32] {
        // An exponent of zero stands for none.
        let factor = exponent.map { Float(min(max($0, 1e-30), 1e30)) } ?? 0
        let hasPenalty = repetitionPenalty != 1
        return [
            UInt32(truncatingIfNeeded: source.seed), UInt32(truncatingIfNeeded: source.seed >> 32),
            UInt32(truncatingIfNeeded: source.position), UInt32(truncatingIfNeeded: source.position >> 32),
            factor.bitPattern, UInt32(min(max(topK ?? 0, 0), V)), Float(topP).bitPattern,
            Float(minP).bitPattern, Float(repetitionPenalty).bitPattern,
            hasPenalty ? UInt32(min(max(repetitionWindow, 0), Self.recentTokenLimit)) : 0,
        ]
    }

    /// Goes on after tokens that were chosen.
    fileprivate mutating func observe(_ tokens: ArraySlice<Int32>) {
        if exponent != nil { source.position &+= UInt64(tokens.count) }
        if repetitionPenalty != 1 {
            recentTokens = (recentTokens + tokens).suffix(Self.recentTokenLimit)
        }
    }
}
