import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The engines against PyTorch: only another implementation sees a wrong formula.
@Suite struct OracleTests {
    @Test(arguments: Oracle.names) func referenceEngineAgreesWithPyTorch(name: String) throws {
        let oracle = try Oracle.named(name)
        let engine = try ReferenceEngine(
            configuration: oracle.configuration, parameters: oracle.initialParameters)
        for (minibatch, chunk) in zip(oracle.minibatches, oracle.chunks) {
            let (loss, gradients) = try engine.gradients(on: minibatch)
            #expect(abs(loss - chunk.loss) < 1e-9)
            #expect(Set(gradients.entries.map(\.name)) == Set(chunk.gradients.keys))
            for entry in gradients.entries {
                #expect(
                    greatestDifference(entry.values, try #require(chunk.gradients[entry.name])) < 1e-9,
                    "\(entry.name)")
            }
            _ = try engine.evaluate(minibatch)
            for (name, expected) in chunk.states {
                let state = try #require(engine.state[name]).values.map(Double.init)
                // The state leaves the engine in single precision.
                #expect(greatestDifference(state, expected.map { Double(Float($0)) }) < 1e-9)
            }
        }
    }

    /// Relative to the tensor's greatest element.
    @Test(arguments: Oracle.names, KernelLevel.available()) func cpuEngineAgreesWithPyTorch(
        name: String, level: KernelLevel
    ) throws {
        let oracle = try Oracle.named(name)
        let engine = try CPUEngine(
            configuration: oracle.configuration, parameters: oracle.initialParameters, kernelLevel: level)
        for (minibatch, chunk) in zip(oracle.minibatches, oracle.chunks) {
            let (loss, gradients) = try engine.gradients(on: minibatch)
            #expect(abs(loss / chunk.loss - 1) < 1e-5)
            for entry in gradients.entries {
                let expected = try #require(chunk.gradients[entry.name])
                let scale = expected.reduce(1e-12) { max($0, abs($1)) }
                #expect(greatestDifference(entry.values, expected) / scale < 1e-5, "\(entry.name)")
            }
            _ = try engine.evaluate(minibatch)
        }
    }

    @Test(arguments: Oracle.names) func referenceEngineTrainsAsPyTorch(name: String) throws {
        let oracle = try Oracle.named(name)
        try checkTraining(
            of: try ReferenceEngine(
                configuration: oracle.configuration, parameters: oracle.initialParameters),
            against: oracle, lossTolerance: 1e-9)
    }

    @Test(arguments: Oracle.names, KernelLevel.available()) func cpuEngineTrainsAsPyTorch(
        name: String, level: KernelLevel
    ) throws {
        let oracle = try Oracle.named(name)
        try checkTraining(
            of: try CPUEngine(
                configuration: oracle.configuration, parameters: oracle.initialParameters,
                kernelLevel: level),
            against: oracle, lossTolerance: 1e-4)
    }

    @Test(arguments: Oracle.names) func referenceEngineAdvancesAsPyTorch(name: String) throws {
        let oracle = try Oracle.named(name)
        try checkLogits(
            of: try ReferenceEngine(
                configuration: oracle.configuration, parameters: oracle.initialParameters),
            against: oracle, tolerance: 1e-6)
    }

    @Test(arguments: Oracle.names, KernelLevel.available()) func cpuEngineAdvancesAsPyTorch(
        name: String, level: KernelLevel
    ) throws {
        let oracle = try Oracle.named(name)
        try checkLogits(
            of: try CPUEngine(
                configuration: oracle.configuration, parameters: oracle.initialParameters,
                kernelLevel: level),
            against: oracle, tolerance: 1e-5)
    }

    /// Reads each sequence token by token.
    private func checkLogits(of engine: some Engine, against oracle: Oracle, tolerance: Double) throws {
        let (T, B, V) = (oracle.sequenceLength, oracle.batchSize, oracle.vocabularySize)
        var logits: [Float] = []
        for b in 0..<B {
            try engine.resetState()
            for chunk in oracle.chunks {
                for row in stride(from: b, to: T * B, by: B) {
                    try engine.advance(chunk.inputs[row], logits: &logits)
                    let expected = Array(chunk.logits[row * V..<(row + 1) * V])
                    let scale = expected.reduce(1) { max($0, abs($1)) }
                    #expect(greatestDifference(logits.map(Double.init), expected) / scale < tolerance)
                }
            }
        }
    }

    private func checkTraining(of engine: some Engine, against oracle: Oracle, lossTolerance: Double) throws {
        let training = oracle.training
        let optimizer = Optimizer(
            learningRate: training.learningRate, maxGradientNorm: training.maxGradientNorm)
        var minibatches = oracle.minibatches
        for step in training.losses.indices {
            minibatches[0].continuesState = step > 0
            let result = try engine.train(on: minibatches[step % minibatches.count], with: optimizer)
            #expect(abs(result.meanLoss - training.losses[step]) < lossTolerance, "step \(step)")
            #expect(
                abs(result.gradientNorm / training.gradientNorms[step] - 1) < lossTolerance, "step \(step)")
        }
        for entry in try engine.parameters.entries {
            let expected = try #require(training.finalParameters[entry.name])
            #expect(greatestDifference(entry.values.map(Double.init), expected) < 1e-5, "\(entry.name)")
        }
    }
}

/// The greatest absolute difference of corresponding elements; infinite where the counts differ.
func greatestDifference(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
