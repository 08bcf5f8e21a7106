import ArgumentParser
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel

/// What the engine says to what cannot be done, and that it goes on afterward.
struct Faults: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask for a GPU that is not there and for more memory than there is.")

    @OptionGroup
    var options: EngineOptions

    func run() async throws {
        let report = Report()
        try options.open(report)
        // Of these sizes, no array alone is too large.
        let model = try CheckedModel(TanhCell.self, .init(T: 256, B: 4000, V: 28, H: 512), minibatchCount: 1)
        switch options.engine {
        case .cuda:
            await report.check("faults", "device 99") {
                try expect("noSuchDevice") {
                    _ = try CUDAEngine(
                        configuration: model.configuration, parameters: model.parameters, device: 99)
                } where: {
                    if case CUDAError.noSuchDevice(index: 99, count: _) = $0 { true } else { false }
                }
            }
            await report.check("faults", "an array too large") {
                let engine = try options.make(model.configuration, model.parameters, .float32)
                return try expect("arrayTooLarge") {
                    try check(engine, T: 1 << 14, B: 1 << 14)
                } where: {
                    if case CUDAError.arrayTooLarge = $0 { true } else { false }
                }
            }
            await report.check("faults", "a GPU whose memory is taken") { try outOfMemory(model) }
        case .cpu:
            await report.check("faults", "too little memory") {
                let engine = try options.make(model.configuration, model.parameters, .float32)
                return try expect("notEnoughMemory") {
                    try check(engine, T: 1 << 14, B: 1 << 14)
                } where: {
                    if case EngineError.notEnoughMemory = $0 { true } else { false }
                }
            }
        }
        try report.finish()
    }

    private func check(_ engine: any Engine, T: Int, B: Int) throws {
        try engine.checkMemory(
            sequenceLength: T, batchSize: B, optimizer: Optimizer(rule: .adam()),
            regularization: Regularization())
    }

    /// The line of an error; not ok if there is none, or one of another kind.
    private func expect(
        _ kind: String, from body: () throws -> Void, where isExpected: (any Error) -> Bool
    ) throws -> CheckLine {
        do {
            try body()
        } catch {
            return CheckLine(error: "\(error)", ok: isExpected(error))
        }
        return CheckLine(error: "there is no error, where \(kind) is expected", ok: false)
    }

    /// Takes all memory but one gigabyte, so that the estimate and the step itself fail, and then gives it back.
    private func outOfMemory(_ model: CheckedModel) throws -> CheckLine {
        let device = try DriverDevice.open(index: options.device)
        let engine = try options.make(model.configuration, model.parameters, .float32)
        let small = try CheckedModel(TanhCell.self, .init(T: 7, B: 33, V: 28, H: 512), minibatchCount: 1)
        let before = try engine.parameters
        var line = CheckLine()
        do {
            let taken = try DeviceMemory(
                byteCount: max(1 << 20, try device.availableMemory() - 1 << 30), on: device)
            for (name, body) in [
                ("the estimate", { try check(engine, T: 256, B: 4000) }),
                (
                    "the step",
                    { _ = try engine.train(on: model.minibatches[0], with: Optimizer(), randomness: nil) }
                ),
            ] as [(String, () throws -> Void)] {
                let found = try expect("outOfMemory", from: body) {
                    if case CUDAError.outOfMemory = $0 { true } else { false }
                }
                line.require(found.ok, "\(name): \(found.error ?? "")")
                if found.ok, line.error == nil { line.error = found.error }
            }
            withExtendedLifetime(taken) {}
        }
        line.require(try engine.parameters == before, "a step that fails changes parameters")
        let result = try engine.train(on: small.minibatches[0], with: Optimizer(), randomness: nil)
        line.require(result.isFinite, "the engine does not go on")
        return line
    }
}
