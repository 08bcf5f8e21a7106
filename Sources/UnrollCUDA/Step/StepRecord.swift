import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// The numbers of one step as the kernels read them: `Step` in `step.cuh`, 32-bit words in the same order.
struct StepNumbers: BitwiseCopyable {
    var continuesState: Int32 = 0
    var distinctCount: Int32 = 0
    var labelSmoothing: Float = 0
    /// Zero for no limit.
    var maxNorm: Float = 0
    var scalesRate: Int32 = 0
    var weightDecay: Float = 0
    var shrinkage: Float = 0
    var rate: Float = 0
    var momentum: Float = 0
    var momentumShare: Float = 0
    var isNesterov: Int32 = 0
    var squareDecay: Float = 0
    var squareShare: Float = 0
    var rootScale: Float = 0
    var epsilon: Float = 0
    var averageShare: Float = 0
    var lossScale: Float = 0
    var meanLoss: Float = 0

    static let wordCount = 18
    /// Words before the mean loss.
    static let meanLossWord = 17

    /// Takes the optimizer's numbers.
    ///
    /// What clipping changes follows on the device, from the norm.
    mutating func setUpdate(_ optimizer: Optimizer, steps: Int, averagedSteps: Int) {
        let step = OptimizerStep(optimizer, gradientNorm: 0, steps: steps, averagedSteps: averagedSteps)
        maxNorm = optimizer.maxGradientNorm ?? 0
        scalesRate = optimizer.rule == .sgd ? 1 : 0
        weightDecay = Float(step.weightDecay)
        shrinkage = Float(step.shrinkage)
        rate = Float(step.rate)
        momentum = Float(step.momentum)
        momentumShare = Float(step.momentumShare)
        isNesterov = step.isNesterov ? 1 : 0
        squareDecay = Float(step.squareDecay)
        squareShare = Float(step.squareShare)
        rootScale = Float(step.rootScale)
        epsilon = Float(step.epsilon)
        averageShare = Float(step.averageShare)
    }
}

/// Where the parts of a step's record are, in 32-bit words: numbers, masks, and the tokens with their order.
struct StepRecordLayout: Sendable, Hashable {
    /// Tokens that go in, `T` times `B`.
    let tokenCount: Int
    let layerCount: Int
    let stateCount: Int

    /// Words of `Mask` in `masks.cuh`.
    static let maskWordCount = 5

    /// The mask of the tokens' vectors.
    var embeddingMask: Int { StepNumbers.wordCount }
    /// The mask of a layer's output.
    func outputMask(layer: Int) -> Int { mask(1 + layer * (2 + stateCount)) }
    /// The mask of a layer's recurrent weights.
    func weightMask(layer: Int) -> Int { mask(2 + layer * (2 + stateCount)) }
    /// The masks of the changes of a layer's states.
    func stateMasks(layer: Int) -> Int { mask(3 + layer * (2 + stateCount)) }
    private func mask(_ index: Int) -> Int { embeddingMask + Self.maskWordCount * index }
    /// Token ids that go in, [T, B].
    var inputs: Int { outputMask(layer: layerCount) }
    /// Token ids to predict, [T, B].
    var targets: Int { inputs + tokenCount }
    /// Places in [T, B], by token.
    var order: Int { targets + tokenCount }
    /// The distinct tokens, in the order in which they occur first.
    var distinct: Int { order + tokenCount }
    /// Where each distinct token's places begin in `order`, and where the last one's end.
    var starts: Int { distinct + tokenCount }
    /// Words in all, a multiple of 4.
    var wordCount: Int { (starts + tokenCount + 1 + 3) / 4 * 4 }
}

/// Writes the beginning of a run of steps and their records into one array of words, in memory that is kept.
struct StepRecordWriter {
    private let configuration: ModelConfiguration
    /// For each token of the vocabulary, which of the distinct ones it is; -1 between two records.
    private var places: [Int32]
    private var layout = StepRecordLayout(tokenCount: 0, layerCount: 0, stateCount: 0)
    private(set) var words: [Int32] = []

    init(configuration: ModelConfiguration, vocabularySize: Int) {
        self.configuration = configuration
        places = [Int32](repeating: -1, count: vocabularySize)
    }

    /// Begins a run whose steps have such records: with `Run` of `step.cuh`, at its first step and not stopped.
    mutating func begin(_ layout: StepRecordLayout) {
        self.layout = layout
        words.removeAll(keepingCapacity: true)
        words.append(contentsOf: [0, 0, 0, 0])
    }

    /// Adds a record; ids have been checked.
    ///
    /// - Parameters:
    ///   - numbers: The step's numbers, without what follows from the minibatch.
    ///   - minibatch: Its tokens.
    ///   - masks: What is left out; nil for nothing.
    mutating func add(_ numbers: StepNumbers, _ minibatch: Minibatch, _ masks: StepMasks?) {
        let begin = words.count
        words.append(contentsOf: repeatElement(0, count: layout.wordCount))
        var numbers = numbers
        numbers.distinctCount = sortTokens(minibatch.inputs, at: begin)
        numbers.labelSmoothing = masks?.regularization.labelSmoothing ?? 0
        numbers.lossScale = 1 / Float(minibatch.wholeTokenCount)
        withUnsafeBytes(of: numbers) { bytes in
            for (index, word) in bytes.bindMemory(to: Int32.self).enumerated() { words[begin + index] = word }
        }
        set(masks?.embedding, at: begin + layout.embeddingMask)
        for layer in 0..<layout.layerCount {
            set(masks?.output(layer: layer), at: begin + layout.outputMask(layer: layer), minibatch.firstRow)
            set(masks?.recurrentWeights(layer: layer), at: begin + layout.weightMask(layer: layer))
            for state in 0..<layout.stateCount {
                let place = begin + layout.stateMasks(layer: layer) + StepRecordLayout.maskWordCount * state
                if let masks {
                    let mask = masks.newState(layer: layer, state: state)
                    set(mask.map { StepMasks.Mask(random: $0, scale: 1) }, at: place, minibatch.firstRow)
                } else {
                    // The expected share, always.
                    words[place + 2] = -1
                    words[place + 3] = word(1 - configuration.zoneout.probability(ofState: state))
                }
            }
        }
        words.replaceSubrange(begin + layout.inputs..<begin + layout.targets, with: minibatch.inputs)
        words.replaceSubrange(begin + layout.targets..<begin + layout.order, with: minibatch.targets)
    }

    private mutating func set(_ mask: StepMasks.Mask?, at place: Int, _ firstRow: Int = 0) {
        words[place] = Int32(bitPattern: mask?.random.key.x ?? 0)
        words[place + 1] = Int32(bitPattern: mask?.random.key.y ?? 0)
        words[place + 2] = Int32(bitPattern: mask?.random.threshold ?? 0)
        words[place + 3] = word(mask?.scale ?? 1)
        words[place + 4] = Int32(truncatingIfNeeded: firstRow)
    }

    private func word(_ value: Float) -> Int32 { Int32(bitPattern: value.bitPattern) }

    /// Sorts the places of tokens by token, in rising order for each, and returns how many tokens are distinct.
    private mutating func sortTokens(_ tokens: [Int32], at begin: Int) -> Int32 {
        let (order, distinct, starts) = (begin + layout.order, begin + layout.distinct, begin + layout.starts)
        var count: Int32 = 0
        for token in tokens {
            if places[Int(token)] < 0 {
                places[Int(token)] = count
                words[distinct + Int(count)] = token
                count += 1
            }
            words[starts + Int(places[Int(token)]) + 1] += 1
        }
        for index in 0..<Int(count) { words[starts + index + 1] += words[starts + index] }
        // Each start moves to its end while its places are filled in, and is moved back after that.
        for (place, token) in tokens.enumerated() {
            let start = starts + Int(places[Int(token)])
            words[order + Int(words[start])] = Int32(place)
            words[start] += 1
        }
        for index in (0..<Int(count)).reversed() {
            words[starts + index] = index == 0 ? 0 : words[starts + index - 1]
        }
        for index in 0..<Int(count) { places[Int(words[distinct + index])] = -1 }
        return count
    }
}
