import UnrollKernels
import UnrollModel

/// What a network remembers of `B` texts that it has read, as a value of constant size, however long the texts are.
///
/// It can be copied, compared and continued from. Its numbers are laid out as in the CPU engine, `[L][states][P][B][32]`,
/// where `P` panels of 32 units hold the `H` units and the rest is zero. With an n-gram model beside the network, the last
/// tokens belong to it.
public struct RecurrentState: Sendable, Equatable {
    /// The number of texts, `B`.
    public let batchSize: Int
    let layerCount: Int
    let stateNames: [String]
    let hiddenSize: Int
    var numbers: [Float]
    /// The number of last tokens that an n-gram model beside the network takes into account, `K`.
    let historyLength: Int
    /// The last tokens of each text, the latest last, `[B, K]`; -1 before its beginning.
    package var history: [Int32]

    private init(_ shape: RecurrentState, batchSize: Int) {
        self.batchSize = batchSize
        layerCount = shape.layerCount
        stateNames = shape.stateNames
        hiddenSize = shape.hiddenSize
        historyLength = shape.historyLength
        (numbers, history) = ([], [])
        numbers.reserveCapacity(tileCount * batchSize * PanelLayout.width)
    }

    /// The state before anything was read.
    package init(zerosFor configuration: ModelConfiguration, batchSize: Int = 1) {
        self.batchSize = max(1, batchSize)
        layerCount = configuration.layerCount
        stateNames = configuration.cell.states
        hiddenSize = configuration.hiddenSize
        historyLength = configuration.historyLength
        history = [Int32](repeating: -1, count: historyLength * self.batchSize)
        numbers = []
        numbers = [Float](repeating: 0, count: tileCount * self.batchSize * PanelLayout.width)
    }

    /// Takes tensors as `Engine.state` returns them: each of the cell's states as `[L, B, H]`.
    ///
    /// No tensors stand for one row of zeros.
    ///
    /// - Throws: `ModelError.missingTensor` or `EngineError.stateMismatch` when names or shapes are not those of such a
    ///   network.
    public init(
        _ tensors: NamedTensors<Float>, for configuration: ModelConfiguration
    ) throws {
        let batchSize = try tensors.checkedBatchSize(for: configuration)
        self.init(zerosFor: configuration, batchSize: batchSize)
        for (state, name) in stateNames.enumerated() {
            guard let values = tensors[name]?.values else { continue }
            for layer in 0..<layerCount {
                for row in 0..<batchSize {
                    let first = (layer * batchSize + row) * hiddenSize
                    for unit in 0..<hiddenSize {
                        numbers[index(layer: layer, state: state, row: row, unit: unit)] =
                            values[first + unit]
                    }
                }
            }
        }
    }

    /// Takes the numbers of another such state.
    ///
    /// - Throws: `EngineError.stateMismatch` when they are not those of whole rows.
    init(numbers: [Float], for configuration: ModelConfiguration) throws(EngineError) {
        let row = RecurrentState(zerosFor: configuration)
        let (batchSize, rest) = numbers.count.quotientAndRemainder(dividingBy: row.numbers.count)
        guard batchSize > 0, rest == 0 else {
            throw .stateMismatch(
                expected: row.shape, actual: [row.layerCount, numbers.count, row.hiddenSize])
        }
        self.init(zerosFor: configuration, batchSize: batchSize)
        self.numbers = numbers
    }

    /// Puts the rows of several states of one network side by side.
    ///
    /// - Throws: `EngineError.noSuchRows` when there are no states, `EngineError.stateMismatch` when they are of different
    ///   networks.
    public init(joining states: [RecurrentState]) throws(EngineError) {
        guard let first = states.first else { throw .noSuchRows([], batchSize: 0) }
        for state in states where !state.fits(first) {
            throw .stateMismatch(expected: first.shape, actual: state.shape)
        }
        self.init(first, batchSize: states.reduce(0) { $0 + $1.batchSize })
        for tile in 0..<tileCount {
            for state in states { numbers += state.rows(ofTile: tile) }
        }
        for state in states { history += state.history }
    }

    /// These rows, in this order; a row may occur several times, as when beams part.
    ///
    /// - Throws: `EngineError.noSuchRows` when there are none, or one is outside the batch.
    public func rows(_ rows: [Int]) throws(EngineError) -> RecurrentState {
        guard !rows.isEmpty, rows.allSatisfy({ (0..<batchSize).contains($0) }) else {
            throw .noSuchRows(rows, batchSize: batchSize)
        }
        var result = RecurrentState(self, batchSize: rows.count)
        for tile in 0..<tileCount {
            let tile = self.rows(ofTile: tile)
            for row in rows {
                let begin = tile.startIndex + row * PanelLayout.width
                result.numbers += tile[begin..<begin + PanelLayout.width]
            }
        }
        for row in rows { result.history += history[row * historyLength..<(row + 1) * historyLength] }
        return result
    }

    /// Puts another text's state in the place of a row.
    ///
    /// - Parameters:
    ///   - row: The row.
    ///   - state: A state of one row.
    /// - Throws: `EngineError.noSuchRows` when there is no such row, `EngineError.stateMismatch` when the other state is of
    ///   another network or has more rows.
    package mutating func setRow(_ row: Int, to state: RecurrentState) throws(EngineError) {
        guard (0..<batchSize).contains(row) else { throw .noSuchRows([row], batchSize: batchSize) }
        guard state.fits(self), state.batchSize == 1 else {
            throw .stateMismatch(expected: [layerCount, 1, hiddenSize], actual: state.shape)
        }
        let width = PanelLayout.width
        for tile in 0..<tileCount {
            let place = (tile * batchSize + row) * width
            numbers.replaceSubrange(
                place..<place + width, with: state.numbers[tile * width..<(tile + 1) * width])
        }
        let place = row * historyLength
        history.replaceSubrange(place..<place + historyLength, with: state.history)
    }

    /// The units of one of the cell's states, such as `h` or `c`, in one layer and row: `[H]`.
    ///
    /// - Throws: `EngineError.noSuchUnits` when there is no such state, layer or row.
    public func units(of name: String, layer: Int, row: Int = 0) throws(EngineError) -> [Float] {
        guard let state = stateNames.firstIndex(of: name), (0..<layerCount).contains(layer),
            (0..<batchSize).contains(row)
        else {
            throw .noSuchUnits(state: name, layer: layer, row: row)
        }
        return (0..<hiddenSize).map { numbers[index(layer: layer, state: state, row: row, unit: $0)] }
    }

    /// Takes these for the last tokens of the only text, as tensors do not hold them.
    package mutating func setHistory(_ tokens: [Int32]) {
        let known = tokens.suffix(historyLength)
        history = [Int32](repeating: -1, count: historyLength - known.count) + known
    }

    /// Each of the cell's states as `[L, B, H]`, as `Engine.state` returns them.
    public var tensors: NamedTensors<Float> {
        NamedTensors(
            stateNames.indices.map { state in
                let values = (0..<layerCount).flatMap { layer in
                    (0..<batchSize).flatMap { row in
                        (0..<hiddenSize).map {
                            numbers[index(layer: layer, state: state, row: row, unit: $0)]
                        }
                    }
                }
                return .init(name: stateNames[state], shape: shape, values: values)
            })
    }

    /// `[L, B, H]`.
    var shape: [Int] { [layerCount, batchSize, hiddenSize] }

    /// Refuses a state of another network.
    package func check(for configuration: ModelConfiguration) throws(EngineError) {
        guard fits(configuration) else {
            throw .stateMismatch(
                expected: [configuration.layerCount, batchSize, configuration.hiddenSize], actual: shape)
        }
    }

    /// Whether such a network has such states, whatever the batch size.
    package func fits(_ configuration: ModelConfiguration) -> Bool {
        layerCount == configuration.layerCount && hiddenSize == configuration.hiddenSize
            && stateNames == configuration.cell.states && historyLength == configuration.historyLength
    }

    private func fits(_ other: RecurrentState) -> Bool {
        layerCount == other.layerCount && hiddenSize == other.hiddenSize && stateNames == other.stateNames
            && historyLength == other.historyLength
    }

    /// Panels of all layers and states.
    private var tileCount: Int { layerCount * stateNames.count * panelCount }

    private var panelCount: Int { PanelLayout.panels(of: hiddenSize) }

    private func rows(ofTile tile: Int) -> ArraySlice<Float> {
        let size = batchSize * PanelLayout.width
        return numbers[tile * size..<(tile + 1) * size]
    }

    private func index(layer: Int, state: Int, row: Int, unit: Int) -> Int {
        let panel = (layer * stateNames.count + state) * panelCount + unit / PanelLayout.width
        return (panel * batchSize + row) * PanelLayout.width + unit % PanelLayout.width
    }
}

/// The numbers as an engine has them that lays the units of a row together.
extension RecurrentState {
    /// Takes numbers as `[L, states, B, H]`, of which there must be as many.
    package init(rowNumbers: [Float], batchSize: Int, for configuration: ModelConfiguration) {
        self.init(zerosFor: configuration, batchSize: batchSize)
        var panels: [Float] = []
        swap(&panels, &numbers)
        rowNumbers.withUnsafeBufferPointer { rows in
            panels.withUnsafeMutableBufferPointer { panels in
                forEachPart { part, rowPart in
                    _ = panels[part].update(fromContentsOf: rows[rowPart])
                }
            }
        }
        numbers = panels
    }

    /// The numbers as `[L, states, B, H]`.
    package var rowNumbers: [Float] {
        var rowNumbers = [Float](
            repeating: 0, count: layerCount * stateNames.count * batchSize * hiddenSize)
        rowNumbers.withUnsafeMutableBufferPointer { rows in
            numbers.withUnsafeBufferPointer { numbers in
                forEachPart { part, rowPart in
                    _ = rows[rowPart].update(fromContentsOf: numbers[part])
                }
            }
        }
        return rowNumbers
    }

    /// Calls with the places of neighboring units, in panels and in rows.
    private func forEachPart(_ body: (_ part: Range<Int>, _ rowPart: Range<Int>) -> Void) {
        for series in 0..<layerCount * stateNames.count {
            for unit in stride(from: 0, to: hiddenSize, by: PanelLayout.width) {
                let count = min(PanelLayout.width, hiddenSize - unit)
                for row in 0..<batchSize {
                    let panel = series * panelCount + unit / PanelLayout.width
                    let place = (panel * batchSize + row) * PanelLayout.width
                    let rowPlace = (series * batchSize + row) * hiddenSize + unit
                    body(place..<place + count, rowPlace..<rowPlace + count)
                }
            }
        }
    }
}

extension ModelConfiguration {
    /// The number of last tokens that the n-gram model takes into account.
    fileprivate var historyLength: Int { ngrams.map { $0.order - 1 } ?? 0 }
}

extension NamedTensors where Scalar == Float {
    /// Checks that these are the states of one batch, each `[L, B, H]`, and returns its size, 0 if there are none.
    package func checkedBatchSize(for configuration: ModelConfiguration) throws -> Int {
        guard let first = entries.first else { return 0 }
        let batchSize = first.shape.count == 3 ? first.shape[1] : 0
        let expected = [configuration.layerCount, batchSize, configuration.hiddenSize]
        for name in configuration.cell.states {
            guard let entry = self[name] else { throw ModelError.missingTensor(name) }
            guard batchSize > 0, entry.shape == expected, entry.values.count == expected.reduce(1, *) else {
                throw EngineError.stateMismatch(expected: expected, actual: entry.shape)
            }
        }
        return batchSize
    }
}
