import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// How a model reads a text, token by token, for display.
package struct TextInspection: Sendable {
    /// A token that could have come, and its probability.
    package struct Alternative: Sendable {
        package let id: Int32
        package let probability: Float
    }

    /// A hidden unit that tracks a feature.
    package struct Unit: Sendable, Equatable {
        /// The name of the cell's state, such as `h`.
        package let state: String
        /// Counted from 0.
        package let layer: Int
        /// Counted from 0.
        package let index: Int
    }

    /// A unit and the feature that it was found to track.
    package struct Finding: Sendable {
        package let feature: TextFeature
        /// Its position in `units`.
        package let unit: Int
        /// Pearson's, from -1 to 1.
        package let correlation: Double
    }

    /// The text with its tokens.
    package fileprivate(set) var text: TokenizedText
    /// The score.
    package fileprivate(set) var score: TextScore
    /// For each token those that were most probable, the most probable first; none where all were equally probable.
    package fileprivate(set) var alternatives: [[Alternative]] = []
    /// Units that track a feature, the closest first for each.
    package fileprivate(set) var findings: [Finding] = []
    /// The units among them, each once.
    package fileprivate(set) var units: [Unit] = []
    /// The activations of these after each token of the text, `[units][tokens]`: the output as it is, of any further
    /// state its tanh.
    package fileprivate(set) var activations: [[Float]] = []

    /// How many units are kept for each feature.
    package static let unitsPerFeature = 4
    /// How many alternatives are kept for each token where nothing is said of it.
    package static let alternativeCount = 3
}

extension LanguageModel {
    /// Reads a whole text, or the beginning of one, as `evaluate` does and keeps predictions and activations for display.
    package func inspect(
        _ text: some Collection<UInt8>, isWhole: Bool = true,
        alternativeCount: Int = TextInspection.alternativeCount, precision: Precision? = nil,
        threads: Int? = nil, progress: (Double) -> Void = { _ in }
    ) throws -> TextInspection {
        var tokenizer = Tokenizer(vocabulary)
        let tokenized = Array(text).withUnsafeBufferPointer { tokenizer.tokenize($0, isWhole: isWhole) }
        return try withEngine(precision: precision, threads: threads) { engine in
            let inspector = TextInspector(
                engine: engine, text: tokenized, start: TextStart(tokenizer, of: vocabulary),
                alternativeCount: alternativeCount)
            return try inspector.inspection(vocabulary, progress: progress)
        }
    }
}

/// Reads a text twice: to score it and to find units, and to keep the activations of those.
private struct TextInspector {
    let engine: any Engine
    let text: TokenizedText
    let start: TextStart
    let alternativeCount: Int
    /// Tokens that go in, `lead` of them before the text's.
    let inputs: [Int32]
    let lead: Int

    init(engine: any Engine, text: TokenizedText, start: TextStart, alternativeCount: Int) {
        self.engine = engine
        self.text = text
        self.start = start
        self.alternativeCount = alternativeCount
        lead = 1 - start.uniformCount
        inputs = (start.separatorID.map { [$0] } ?? []) + text.ids
    }

    private var hiddenSize: Int { engine.configuration.hiddenSize }
    private var stateCount: Int { engine.configuration.cell.states.count }

    func inspection(_ vocabulary: Vocabulary, progress: (Double) -> Void) throws -> TextInspection {
        let ends = text.starts.dropFirst() + [text.bytes.count]
        let features = TextFeature.values(in: text.bytes, at: ends)
        var correlations = UnitCorrelations(
            unitCount: engine.configuration.layerCount * stateCount * hiddenSize,
            featureCount: TextFeature.allCases.count)
        var tokens = start.score(ofFirstTokenOf: text).map { [$0] } ?? []
        var alternatives = tokens.map { _ in [TextInspection.Alternative]() }
        var (activations, probabilities) = ([Float](), [Float]())
        try forEachStep { position, step in
            if position - lead >= 0 {
                try copyActivations(step: step, to: &activations)
                correlations.add(activations, features: features[position - lead])
            }
            let next = position + 1 - lead
            guard next < text.ids.count else { return }
            let prediction = try engine.prediction(step: step, row: 0)
            guard prediction.loss.isFinite else { throw GenerationError.notANumber }
            tokens.append(
                TokenScore(
                    id: text.ids[next], surprisal: Float(prediction.loss), entropy: Float(prediction.entropy),
                    start: text.starts[next]))
            try engine.copyProbabilities(step: step, row: 0, to: &probabilities)
            alternatives.append(mostProbable(probabilities))
            progress(Double(position) / Double(2 * inputs.count))
        }
        var result = TextInspection(
            text: text, score: TextScore(text, tokens: tokens, vocabulary: vocabulary, endLength: 0))
        result.alternatives = alternatives
        try keepUnits(correlations, in: &result, progress: progress)
        return result
    }

    private func keepUnits(
        _ correlations: UnitCorrelations, in result: inout TextInspection, progress: (Double) -> Void
    ) throws {
        var kept: [Int] = []
        for (index, feature) in TextFeature.allCases.enumerated() {
            for found in correlations.best(TextInspection.unitsPerFeature, for: index) {
                if !kept.contains(found.unit) { kept.append(found.unit) }
                result.findings.append(
                    .init(
                        feature: feature, unit: kept.firstIndex(of: found.unit) ?? 0,
                        correlation: found.correlation))
            }
        }
        result.units = kept.map { unit in
            let state = unit / hiddenSize
            return .init(
                state: engine.configuration.cell.states[state % stateCount], layer: state / stateCount,
                index: unit % hiddenSize)
        }
        guard !kept.isEmpty else { return }
        var (activations, all) = ([[Float]](repeating: [], count: kept.count), [Float]())
        try forEachStep { position, step in
            guard position - lead >= 0 else { return }
            try copyActivations(step: step, to: &all)
            for (index, unit) in kept.enumerated() { activations[index].append(all[unit]) }
            progress(0.5 + Double(position) / Double(2 * inputs.count))
        }
        result.activations = activations
    }

    /// Lets the engine read the text and calls `body` for each token with its position among those that go in.
    private func forEachStep(_ body: (_ position: Int, _ step: Int) throws -> Void) throws {
        var minibatch = Minibatch()
        // The last token predicts nothing. It is read by itself, so that all others are read as for a score.
        let last = max(inputs.count - 1, 0)
        for first in Array(stride(from: 0, to: last, by: BatchScorer.sequenceLength)) + [last] {
            try Task.checkCancellation()
            let end = first == last ? inputs.count : min(first + BatchScorer.sequenceLength, last)
            guard first < end else { return }
            // As many rows as a score has, so that the page shows its numbers bit for bit.
            let batchSize = BatchScorer.batchSize(1)
            minibatch.reshape(sequenceLength: end - first, batchSize: batchSize, continuesState: first > 0)
            for position in first..<end {
                let next = position < last ? inputs[position + 1] : Vocabulary.unknownID
                for row in 0..<batchSize {
                    minibatch.inputs[(position - first) * batchSize + row] = inputs[position]
                    minibatch.targets[(position - first) * batchSize + row] = next
                }
            }
            _ = try engine.evaluate(minibatch)
            for position in first..<end { try body(position, position - first) }
        }
    }

    /// Copies the activations of all units after a step, `[L][states][H]`.
    private func copyActivations(step: Int, to activations: inout [Float]) throws {
        activations.removeAll(keepingCapacity: true)
        var units: [Float] = []
        for layer in 0..<engine.configuration.layerCount {
            for state in 0..<stateCount {
                try engine.copyUnits(ofState: state, layer: layer, step: step, row: 0, to: &units)
                if state == 0 {
                    activations.append(contentsOf: units)
                } else {
                    activations.append(contentsOf: units.lazy.map(tanh))
                }
            }
        }
    }

    private func mostProbable(_ probabilities: [Float]) -> [TextInspection.Alternative] {
        var best: [TextInspection.Alternative] = []
        for (id, probability) in probabilities.enumerated() {
            best.insert(
                .init(id: Int32(id), probability: probability), keeping: alternativeCount
            ) { Double($0.probability) }
        }
        return best
    }
}
