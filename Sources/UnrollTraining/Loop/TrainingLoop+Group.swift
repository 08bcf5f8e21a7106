import UnrollCluster
import UnrollEngine
import UnrollModel

/// The state of all rows, which each process of a group has a part of, as far as it has been collected.
struct StateCollection {
    /// The state at this moment; nil if a step has been made since it was collected.
    private(set) var state: NamedTensors<Float>?
    /// Whether this process wants it after the next step.
    var isWanted = false
    /// Seconds of this part of the run in which gradients were exchanged.
    var secondsOfSums = 0.0

    /// Begins with the state of a run that starts, or goes on.
    init(_ state: NamedTensors<Float>) {
        self.state = state
    }

    /// Notes that a step is about to change the state.
    mutating func expire() { state = nil }

    mutating func collect(_ state: NamedTensors<Float>) {
        self.state = state
        isWanted = false
    }
}

/// What the processes of a group must do at the same time. Alone, a process does it whenever it likes.
extension TrainingLoop {
    private var group: (any ProcessGroup)? { shards?.group }

    /// The state of all rows.
    ///
    /// - Throws: `TrainingError.scatteredState` where it is still to be collected.
    var wholeState: NamedTensors<Float> {
        get throws {
            guard let group else { return try engine.state }
            guard let state = collection.state else {
                throw TrainingError.scatteredState(processes: group.size)
            }
            return state
        }
    }

    /// Returns whether the state of all rows is here; otherwise the processes collect it after the next step.
    mutating func wantState() -> Bool {
        guard group != nil, collection.state == nil else { return true }
        collection.isWanted = true
        return false
    }

    /// The part of the training time in which gradients were exchanged; nil for a process alone.
    var communicationShare: Double? {
        guard group != nil, runSeconds > 0 else { return nil }
        return min(collection.secondsOfSums / runSeconds, 1)
    }

    /// Asks the other processes, with the next step, for what this one wants.
    mutating func prepareForStep() {
        guard let shards, group != nil else { return }
        shards.signals = []
        if Task.isCancelled { shards.signals.insert(.stop) }
        if collection.isWanted { shards.signals.insert(.collect) }
        collection.expire()
    }

    /// Collects the state if any process has asked for it with the last step, and returns whether that was so.
    mutating func collectStateIfAsked() throws -> Bool {
        guard let shards, group != nil, !shards.receivedSignals.isEmpty else { return false }
        try collectState()
        return true
    }

    /// Collects the state of all rows, in all processes at the same time.
    mutating func collectState() throws {
        guard group != nil, collection.state == nil else { return }
        collection.collect(try engine.state)
    }

    /// Stops where the task is canceled; in a group, where that of any process is.
    ///
    /// - Throws: `CancellationError`.
    func checkCancellation() throws {
        guard let shards, group != nil else { return try Task.checkCancellation() }
        // Once: a run may go on later.
        if shards.receivedSignals.remove(.stop) != nil { throw CancellationError() }
    }
}
