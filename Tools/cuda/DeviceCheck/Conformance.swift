import ArgumentParser
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel

/// The engine against the reference engine, and what it must do in the same way bit for bit.
struct Conformance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare losses, gradients and training with double precision.")

    @OptionGroup
    var options: EngineOptions

    @Flag(help: "Small models only, for tools under which everything is slow.")
    var small = false

    @Flag(help: "Large models only.")
    var large = false

    @Flag(help: "Minibatches of many rows only.")
    var many = false

    func validate() throws {
        guard [small, large, many].filter(\.self).count <= 1 else {
            throw ValidationError("only one of --small, --large and --many can be given")
        }
    }

    func run() async throws {
        let report = Report()
        try options.open(report)
        let checks = ConformanceChecks(make: options.make, report: report)
        if large {
            await checks.largeModels()
        } else if many {
            await checks.manyRows()
        } else {
            await checks.run(areSmall: small)
            if options.engine == .cuda {
                await CommunicatorCheck(
                    device: try DriverDevice.open(index: options.device), report: report
                ).run()
            }
        }
        try report.finish()
    }
}

/// The checks, of engines that a closure makes.
package struct ConformanceChecks {
    /// Makes an engine.
    package typealias Make = (ModelConfiguration, ModelParameters, Precision) throws -> any Engine

    let make: Make
    let report: Report

    /// Checks engines that a closure makes.
    package init(make: @escaping Make, report: Report) {
        (self.make, self.report) = (make, report)
    }

    /// Makes the engine of a model.
    func engine(of model: CheckedModel, _ precision: Precision) throws -> any Engine {
        try make(model.configuration, model.parameters, precision)
    }

    /// Runs them all, or those of small models alone.
    package func run(areSmall: Bool) async {
        if areSmall {
            await gradients(of: [LSTMCell.self, MinimalGatedUnit.self], Self.smallSizes)
            await regularizations(of: [GRUCell.self], [.init(T: 3, B: 9, V: 33, H: 33, L: 2, E: 7)])
            await optimizers(
                size: .init(T: 3, B: 4, V: 33, H: 33, L: 2), rules: [.adam(epsilon: 1e-3)])
            await advance(sizes: [.init(T: 3, B: 7, V: 33, H: 33, L: 2)])
            await smallGeneration()
            await shards()
            await divergence()
        } else {
            await gradients(of: Self.cells, Self.sizes + Self.stacks)
            await regularizations(
                of: [LSTMCell.self, GRUCell.self, ThreeStatesCell.self], Self.regularized)
            await optimizers(size: .init(T: 7, B: 7, V: 33, H: 33, L: 2), rules: Self.rules)
            await optimizers(
                size: .init(T: 7, B: 7, V: 31, H: 31, E: 31, isTied: true, hasSingleBias: true), rules: [.sgd]
            )
            await advance(sizes: [
                .init(T: 7, B: 1, V: 33, H: 65), .init(T: 7, B: 33, V: 31, H: 31, L: 2, E: 7),
            ])
            await generation(
                of: [TanhCell.self, LSTMCell.self, MinimalGatedUnit.self], Self.generated, count: 50)
            await generation(of: [LSTMCell.self], Self.generated, ngrams: NGramConfiguration(), count: 50)
            await resumption()
            await shards()
            await divergence()
            await runs()
            await largeModels()
        }
    }

    static let cells: [any RecurrentCell.Type] =
        ModelConfiguration.builtInCells + [
            MinimalGatedUnit.self, ThreeStatesCell.self, PeepholeCell.self, ManyOperationsCell.self,
        ]

    /// Sizes beside those of tiles, and single ones.
    private static let sizes: [ModelSize] = [
        .init(T: 1, B: 1, V: 7, H: 7), .init(T: 7, B: 31, V: 33, H: 65), .init(T: 33, B: 7, V: 65, H: 31),
        .init(T: 7, B: 33, V: 31, H: 7), .init(T: 31, B: 1, V: 65, H: 33), .init(T: 1, B: 65, V: 7, H: 65),
    ]

    private static let stacks: [ModelSize] = [
        .init(T: 7, B: 7, V: 65, H: 33, L: 3), .init(T: 7, B: 33, V: 31, H: 65, L: 2, E: 7),
        .init(T: 7, B: 7, V: 65, H: 31, L: 2, E: 31, isTied: true),
        .init(T: 7, B: 1, V: 7, H: 33, L: 2, hasSingleBias: true),
        .init(T: 1, B: 31, V: 33, H: 31, E: 65),
    ]

    private static let smallSizes: [ModelSize] = [
        .init(T: 3, B: 1, V: 7, H: 7), .init(T: 3, B: 33, V: 31, H: 33),
        .init(T: 3, B: 7, V: 33, H: 31, L: 2, E: 31, isTied: true),
    ]

    private static let regularized: [ModelSize] = [
        .init(T: 7, B: 33, V: 31, H: 33, L: 2, E: 7),
        .init(T: 7, B: 1, V: 65, H: 31, L: 3, E: 31, isTied: true),
    ]

    /// With a larger epsilon, rounding errors of gradients near zero do not become whole steps.
    private static let rules: [Optimizer.Rule] = [
        .sgd, .momentum(), .nesterov(), .rmsprop(epsilon: 1e-3), .adam(epsilon: 1e-3), .adamw(epsilon: 1e-3),
    ]
}
