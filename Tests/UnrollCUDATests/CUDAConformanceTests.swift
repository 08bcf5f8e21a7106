import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// `CUDAEngine` on the emulator against the reference engine.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct CUDAConformanceTests {
    static let cells = EngineModel.cells

    static let sizes = [
        EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 7, B: 31, V: 33, H: 65),
        EngineModelSize(T: 33, B: 7, V: 65, H: 31), EngineModelSize(T: 7, B: 33, V: 31, H: 7),
        EngineModelSize(T: 7, B: 1, V: 300, H: 33),
    ]

    static let stacks = [
        EngineModelSize(T: 7, B: 7, V: 65, H: 33, L: 3),
        EngineModelSize(T: 7, B: 33, V: 31, H: 65, L: 2, E: 7),
        EngineModelSize(T: 7, B: 7, V: 300, H: 31, L: 2, E: 31, isTied: true),
        EngineModelSize(T: 7, B: 1, V: 7, H: 33, L: 2, hasSingleBias: true),
    ]

    @Test(arguments: cells.indices, sizes + stacks)
    func lossAndGradientsAgreeWithTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for precision in Precision.allCases {
            let expected = try model.reference(in: precision)
            let engine = try CUDAEngine(
                configuration: model.configuration, parameters: model.parameters, precision: precision,
                on: EmulatedDevice(seed: UInt64(cell)))
            for (minibatch, expected) in zip(model.minibatches, expected) {
                let (loss, gradients) = try engine.gradients(on: minibatch)
                #expect(abs(loss / expected.meanLoss - 1) < precision.tolerance.loss, "\(precision) loss")
                for (actual, wanted) in zip(gradients.entries, expected.gradients.entries)
                where precision == .float32 || !Self.isKinked(Self.cells[cell]) {
                    #expect(
                        actual.values.difference(from: wanted.values) < precision.tolerance.gradient,
                        "\(precision) \(actual.name)")
                }
                let mean = try engine.evaluate(minibatch) / Double(minibatch.tokenCount)
                #expect(abs(mean / expected.meanLoss - 1) < precision.tolerance.loss, "\(precision)")
            }
        }
    }

    /// Rectifiers: where one is near zero, a rounded state may switch its gradient on or off.
    private static func isKinked(_ cell: any RecurrentCell.Type) -> Bool {
        cell == ReLUCell.self || cell == OddCell.self
    }
}

extension Precision {
    /// How far losses and gradients may be from those of double precision.
    fileprivate var tolerance: (loss: Double, gradient: Double) {
        switch self {
        case .float32: (1e-5, 1e-5)
        case .bfloat16: (2e-3, 3e-2)
        }
    }
}

extension [Double] {
    /// The greatest difference from other values, relative to the greatest of those.
    func difference(from wanted: [Double]) -> Double {
        let scale = wanted.reduce(1e-12) { Swift.max($0, abs($1)) }
        // Not a number is as far as can be.
        return zip(self, wanted).reduce(0) {
            $1.0.isNaN ? .infinity : Swift.max($0, abs($1.0 - $1.1) / scale)
        }
    }
}
