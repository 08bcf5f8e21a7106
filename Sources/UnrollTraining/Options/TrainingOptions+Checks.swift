import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollText

extension TrainingOptions {
    /// Checks everything that can be checked without a text and a model.
    ///
    /// - Throws: `ParameterError` with the property's name, and the errors of the optimizer's own check.
    package func check() throws {
        try ParameterError.require(epochs >= 1, "epochs", is: epochs, but: "at least 1")
        if let maxSteps {
            try ParameterError.require(maxSteps >= 1, "maxSteps", is: maxSteps, but: "at least 1")
        }
        try ParameterError.require(batchSize >= 1, "batchSize", is: batchSize, but: "at least 1")
        try ParameterError.require((1...4096).contains(shards), "shards", is: shards, but: "in 1...4096")
        try ParameterError.require(
            sequenceLength >= 1, "sequenceLength", is: sequenceLength, but: "at least 1")
        guard Precision.trainable.contains(precision) else {
            throw ParameterError.outOfRange(
                parameter: "precision", value: precision.rawValue,
                allowed: "float32 or bfloat16 where a model is trained; quantize it afterwards")
        }
        try checkPartitioning()
        for (name, fraction) in [("validationFraction", validationFraction), ("testFraction", testFraction)] {
            guard let fraction else { continue }
            try ParameterError.require(
                fraction > 0 && fraction < 1, name, is: fraction, but: "above 0 and below 1")
        }
        if let validationSteps {
            try ParameterError.require(
                validationSteps >= 1, "validationSteps", is: validationSteps, but: "at least 1")
        }
        try earlyStopping?.check()
        try checkOptimizer()
        try schedule.check()
        if let averagingPatience {
            try ParameterError.require(
                averagingPatience >= 1, "averagingPatience", is: averagingPatience, but: "at least 1")
        }
        try ParameterError.require(
            maxRecoveries >= 0, "maxRecoveries", is: maxRecoveries, but: "at least 0")
    }

    /// Checks that every process has a shard to compute.
    func check(processCount: Int) throws(ParameterError) {
        try ParameterError.require(
            shards >= processCount, "shards", is: shards,
            but: "at least the number of processes, \(processCount)")
    }

    private func checkPartitioning() throws(ParameterError) {
        if let statefulEpochs {
            try ParameterError.require(
                statefulEpochs >= 0, "statefulEpochs", is: statefulEpochs, but: "at least 0")
            guard [.sequential, .consecutive].contains(partitioning) else {
                throw .needs(
                    parameter: "statefulEpochs", other: "partitioning", values: ["sequential", "consecutive"])
            }
        }
        for (name, count) in [("trainingWindows", trainingWindows), ("validationWindows", validationWindows)]
        where count != nil && partitioning != .windows {
            throw .needs(parameter: name, other: "partitioning", values: ["windows"])
        }
        if validationWindows != nil {
            guard trainingWindows != nil else {
                throw .needs(parameter: "validationWindows", other: "trainingWindows")
            }
            guard validationFraction == nil else {
                throw .excludes(parameter: "validationWindows", other: "validationFraction")
            }
        }
    }

    private func checkOptimizer() throws {
        let rate = optimizer.learningRate
        try ParameterError.require(
            rate > 0 && rate.isFinite, "learningRate", is: rate, but: "positive and finite")
        if let bound = optimizer.maxGradientNorm {
            try ParameterError.require(
                bound > 0 && bound.isFinite, "maxGradientNorm", is: bound, but: "positive and finite, or none"
            )
        }
        try optimizer.check()
    }

    /// Checks that there is held-out text for what depends on validation.
    ///
    /// - Throws: `ParameterError.needs`.
    package func check(isHeldOut: Bool) throws(ParameterError) {
        guard !isHeldOut else { return }
        let needs = [
            (validationSteps != nil, "validationSteps"), (earlyStopping != nil, "earlyStopping"),
            (averagingPatience != nil, "averagingPatience"),
        ]
        if let (_, parameter) = needs.first(where: { $0.0 }) {
            throw .needs(parameter: parameter, other: "validationFraction")
        }
    }
}

extension EarlyStopping {
    func check() throws(ParameterError) {
        try ParameterError.require(patience >= 1, "patience", is: patience, but: "at least 1")
        try ParameterError.require(
            (0..<1).contains(minimumImprovement), "minimumImprovement", is: minimumImprovement,
            but: "in 0..<1")
        try ParameterError.require(
            minimumEpochs >= 0, "minimumEpochs", is: minimumEpochs, but: "at least 0")
    }
}
