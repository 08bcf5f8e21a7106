import UnrollCluster
import UnrollEngine
import UnrollKernels
import UnrollModel

extension ConformanceChecks {
    /// Steps in four shards, whose gradients are added on the device, against the reference engine's in one piece.
    func shards() async {
        let regularization = Regularization(dropout: 0.2, weightDrop: 0.3, labelSmoothing: 0.1)
        for precision in Precision.trainable {
            await report.check("shards", "\(precision)") {
                var line = CheckLine()
                let model = try CheckedModel(LSTMCell.self, .init(T: 7, B: 20, V: 33, H: 65, L: 2, E: 7))
                let reference = try ReferenceEngine(
                    configuration: model.configuration, parameters: model.parameters)
                let engine = try ShardedEngine(
                    engine(of: model, precision), in: ShardTree(count: 4), of: nil, batchSize: 5)
                let optimizer = Optimizer(learningRate: 0.1, maxGradientNorm: 0.5)
                for step in model.steps(with: optimizer, regularization: regularization) {
                    let wanted = try reference.train([step])[0]
                    let actual = try engine.train([step])[0]
                    line.compare(
                        loss: actual.meanLoss, with: wanted.meanLoss, within: precision.tolerance.loss)
                }
                let tensors = zip(
                    try engine.parameters.entries + engine.state.entries,
                    reference.parameters.entries + reference.state.entries)
                for (actual, wanted) in tensors {
                    line.compare(
                        actual.name, actual.values.map(Double.init), with: wanted.values.map(Double.init),
                        within: precision == .float32 ? 1e-5 : 3e-2)
                }
                return line
            }
        }
    }
}
