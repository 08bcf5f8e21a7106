import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// Options that would change nothing are refused: what is saved of a run is what has made its model.
///
/// Numbers that switch an option off, such as a dropout of 0, are no such options, and neither are limits that a run may
/// or may not reach.
extension TrainingOptions {
    /// Checks that every option has an effect beside the others and on such a model.
    ///
    /// It is for new runs: one that was saved with such an option goes on as it began.
    ///
    /// - Throws: `ParameterError` with the property's name.
    package func check(for model: ModelConfiguration) throws(ParameterError) {
        try regularization.check(for: model)
        try checkZoneout(of: model)
        try checkMemory()
        try checkAveraging()
        try checkSchedule()
    }

    private func checkZoneout(of model: ModelConfiguration) throws(ParameterError) {
        guard model.zoneout.memory > 0 else { return }
        guard model.cell.states.count > 1 else {
            let cells = ModelConfiguration.builtInCells.filter { $0.states.count > 1 }
            throw .needs(parameter: "zoneout.memory", other: "cell", values: cells.map { $0.name })
        }
        guard isRecurrent else { throw needsSteps("zoneout.memory") }
    }

    /// Checks what acts between the steps of a sequence.
    private func checkMemory() throws(ParameterError) {
        if regularization.usesVariationalDropout, sequenceLength < 2 {
            throw needsSteps("usesVariationalDropout")
        }
        if regularization.weightDrop > 0, !isRecurrent { throw needsSteps("weightDrop") }
    }

    private func checkAveraging() throws(ParameterError) {
        switch optimizer.averaging {
        case .none where averagingPatience != nil:
            throw .needs(parameter: "averagingPatience", other: "averaging", values: ["mean", "exponential"])
        case .exponential(let decay):
            try ParameterError.require(decay > 0, "averagingDecay", is: decay, but: "above 0 and below 1")
        case .none, .mean: break
        }
    }

    private func checkSchedule() throws(ParameterError) {
        switch schedule.decay {
        case .constant: break
        case .step(_, let factor), .exponential(let factor), .plateau(let factor, _, _):
            try ParameterError.require(factor < 1, "factor", is: factor, but: "above 0 and below 1")
        case .cosine(let finalRate):
            try ParameterError.require(
                finalRate != Double(optimizer.learningRate), "finalRate", is: finalRate,
                but: "other than the learning rate")
        }
    }

    /// The options that count epochs, and have no effect in a run that has no more of them.
    var epochCounts: [(parameter: String, value: Int)] {
        var counts: [(parameter: String, value: Int)] = []
        if let statefulEpochs { counts.append(("statefulEpochs", statefulEpochs)) }
        if let earlyStopping { counts.append(("minimumEpochs", earlyStopping.minimumEpochs)) }
        if case .step(let epochs, _) = schedule.decay { counts.append(("decay.epochs", epochs)) }
        return counts
    }

    /// Whether a step ever sees a state of another one.
    private var isRecurrent: Bool {
        sequenceLength > 1 || ([.sequential, .consecutive].contains(partitioning) && statefulEpochs != 0)
    }

    private func needsSteps(_ parameter: String) -> ParameterError {
        .needs(parameter: parameter, other: "sequenceLength", values: ["at least 2"])
    }
}
