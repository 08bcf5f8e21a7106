import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The optimizers against PyTorch's, for 20 steps.
@Suite struct OptimizerOracleTests {
    @Test func allCasesAreTested() throws {
        #expect(Set(try OptimizerOracle.read().cases.keys) == Set(OptimizerOracle.caseNames))
    }

    @Test(arguments: OptimizerOracle.caseNames) func referenceEngineUpdatesAsPyTorch(name: String) throws {
        let oracle = try OptimizerOracle.read()
        let engine = try ReferenceEngine(
            configuration: oracle.configuration, parameters: oracle.initialParameters)
        try check(engine, against: oracle, name, tolerance: 1e-9) { engine.preciseParameters }
    }

    /// A rule that divides by the root of squares makes large steps of small gradients, and with them of their rounding
    /// errors, which then grow as the model does.
    @Test(arguments: OptimizerOracle.caseNames, KernelLevel.available())
    func cpuEngineUpdatesAsPyTorch(name: String, level: KernelLevel) throws {
        let oracle = try OptimizerOracle.read()
        let engine = try CPUEngine(
            configuration: oracle.configuration, parameters: oracle.initialParameters, kernelLevel: level)
        try check(engine, against: oracle, name, tolerance: 1e-5) {
            NamedTensors<Double>(
                engine.parameters.entries.map {
                    .init(name: $0.name, shape: $0.shape, values: $0.values.map(Double.init))
                })
        }
    }

    private func check(
        _ engine: some Engine, against oracle: OptimizerOracle, _ name: String, tolerance: Double,
        parameters: () -> NamedTensors<Double>
    ) throws {
        func check(_ expected: [String: [Double]], _ what: String) throws {
            let actual = parameters()
            #expect(Set(actual.entries.map(\.name)) == Set(expected.keys))
            for entry in actual.entries {
                let difference = greatestDifference(entry.values, try #require(expected[entry.name]))
                #expect(difference < tolerance, "\(what) \(entry.name)")
            }
        }
        let run = try #require(oracle.cases[name])
        for step in 1...run.losses.count {
            let result = try engine.train(on: oracle.minibatch(at: step), with: run.optimizer(at: step))
            #expect(abs(result.meanLoss - run.losses[step - 1]) < tolerance, "step \(step)")
            if let expected = run.parameters["\(step)"] { try check(expected, "step \(step)") }
        }
        #expect(run.parameters.count == 3)
        guard let average = run.average else { return }
        try engine.exchangeParametersWithAverage()
        try check(average, "average")
    }
}
