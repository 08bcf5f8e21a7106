import UnrollBase
import UnrollEngine
import UnrollModel

/// What the host says of texts that are generated, in 32-bit words one after the other.
struct SamplerWords {
    let words: [UInt32]
    /// Where its parts begin: `Sampler` of `sampler.cu` says what they are.
    let places, shares, choices, banned, recent, histories, logits: Int

    init(
        _ network: DeviceSampler.Network, _ layout: SamplerLayout, logits values: [Float],
        choices: [TokenChoice], histories: [Int32]
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
        self.histories = words.count
        words += histories.map { UInt32(bitPattern: $0) }
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
    mutating func observe(_ tokens: ArraySlice<Int32>) {
        if exponent != nil { source.position &+= UInt64(tokens.count) }
        if repetitionPenalty != 1 {
            recentTokens = (recentTokens + tokens).suffix(Self.recentTokenLimit)
        }
    }
}
