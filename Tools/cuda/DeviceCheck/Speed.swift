import ArgumentParser
import Foundation
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel

/// The speed of training and of generation.
struct Speed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure training in runs of 32 steps, and generation.")

    @OptionGroup
    var options: EngineOptions

    @Option(help: "A workload; several times for several (default: all).")
    var workload: [String] = []

    @Option(help: "How often each workload is measured.")
    var rounds = 3

    @Option(help: "The most steps in a run of training.")
    var steps = 32

    @Option(help: "The shortest time in which a workload is measured, in seconds.")
    var seconds = 0.1

    @Flag(help: "Wait for a line on standard input before each round, and write a line after it.")
    var paced = false

    func validate() throws {
        let names = (Workload.training + Workload.generation).map(\.name)
        if let stranger = workload.first(where: { !names.contains($0) }) {
            throw ValidationError(
                "there is no workload '\(stranger)'; there are \(Set(names).sorted().joined(separator: ", "))"
            )
        }
        guard rounds >= 1, steps >= 1, seconds > 0 else {
            throw ValidationError("rounds, steps and seconds must be positive")
        }
    }

    func run() async throws {
        let report = Report()
        try options.open(report)
        // All kernels that there are, unless some are asked for, and not the choice among them.
        let kernels: [RecurrenceKernels?] =
            options.engine == .cpu || options.kernels != nil
            ? [options.kernels] : RecurrenceKernels.allCases.filter { $0 != .auto }
        var measurements = (Workload.training + Workload.generation).flatMap { workload in
            Precision.trainable.flatMap { precision in
                kernels.map { Measurement(workload, precision, $0) }
            }
        }
        // Grids are for layers that are larger, or for GPUs without clusters, and step products for many rows.
        measurements.removeAll { $0.kernels == .grid && (!$0.workload.isTraining || $0.workload.B > 64) }
        measurements.removeAll { $0.kernels == .products && $0.workload.B <= 64 }
        if !workload.isEmpty { measurements.removeAll { !workload.contains($0.workload.name) } }
        for round in 1...rounds {
            if paced, readLine() == nil { break }
            for measurement in measurements where measurement.isPossible {
                measurement.measure(with: options, steps: steps, seconds: seconds)
                if paced, measurement.isPossible || measurement.error != nil {
                    report.write(measurement.line(round: round))
                }
            }
            if paced { report.write(RoundEnd(round: round)) }
        }
        for measurement in measurements where measurement.isPossible || measurement.error != nil {
            report.write(measurement.line(round: nil))
        }
        if measurements.contains(where: { $0.error != nil }) { throw ExitCode.failure }
    }

    /// Says that a round has ended.
    private struct RoundEnd: Encodable {
        let round: Int
        let end = true
    }
}

/// A workload in a precision, and how fast it was in each round.
private final class Measurement {
    let workload: Workload
    private(set) var error: String?
    /// Whether it can be measured: nothing has failed, and the kernels are there.
    private(set) var isPossible = true
    private let precision: Precision
    let kernels: RecurrenceKernels?
    private var run: Run?
    /// Seconds of a step, or of a token of each text, by rounds.
    private var times: [Double] = []

    /// What is timed.
    private struct Run {
        let body: () throws -> Void
        /// Steps, or tokens of each text, that it makes.
        let count: Int
    }

    init(_ workload: Workload, _ precision: Precision, _ kernels: RecurrenceKernels?) {
        (self.workload, self.precision, self.kernels) = (workload, precision, kernels)
    }

    /// Measures once; the first time, it is made and warmed up before.
    func measure(with options: EngineOptions, steps: Int, seconds: Double) {
        do {
            guard let run = try self.run ?? prepared(with: options, steps: steps, seconds: seconds) else {
                isPossible = false
                return
            }
            self.run = run
            var found: [Double] = []
            let start = ContinuousClock.now
            repeat {
                found.append(try Self.time { try run.body() } / Double(run.count))
            } while start.duration(to: .now) < .seconds(seconds)
            times.append(Self.median(found))
        } catch {
            self.error = "\(error)"
            (run, isPossible) = (nil, false)
        }
    }

    /// What is timed; nil where other kernels are asked for than the step kernels, and these would run.
    private func prepared(with options: EngineOptions, steps: Int, seconds: Double) throws -> Run? {
        let engine = try options.make(workload.configuration, try workload.parameters(), precision, kernels)
        if let kernels, kernels != .steps, case .steps? = (engine as? CUDAEngine)?.recurrence { return nil }
        guard workload.isTraining else {
            return try kernels == .steps || options.engine == .cpu ? advance(engine) : generate(engine)
        }
        let all = workload.steps(count: steps)
        let train = { (steps: [TrainingStep]) in
            guard try engine.train(steps).allSatisfy(\.isFinite) else { throw NotFinite() }
        }
        try train(Array(all.prefix(1)))
        let time = try Self.time { try train(Array(all.prefix(2))) } / 2
        // Of what is slow, runs are shorter, so that all of it is measured in time.
        let count = min(steps, max(1, Int(4 * seconds / time)))
        let run = Array(all.prefix(count))
        try train(run)
        return Run(body: { try train(run) }, count: count)
    }

    /// Tokens that the host brings, without the choice of the next ones.
    private func advance(_ engine: any Engine) throws -> Run {
        var tokens = [Int32](repeating: 1, count: workload.B)
        var logits: [Float] = []
        let count = 64
        let body = { [engine] in
            for index in 0..<count {
                tokens[index % tokens.count] = Int32(index % Workload.vocabularySize)
                try engine.advance(tokens, logits: &logits)
            }
        }
        try body()
        return Run(body: body, count: count)
    }

    /// Tokens that the engine chooses by itself; nil if it does not.
    private func generate(_ engine: any Engine) throws -> Run? {
        let count = 512
        let choices = (0..<workload.B).map { row in
            TokenChoice(
                exponent: 1, bannedTokens: [0], source: RandomSource(seed: UInt64(row), purpose: .generation))
        }
        var logits = [Float](repeating: 0, count: workload.B * Workload.vocabularySize)
        guard try engine.generate(count, logits: &logits, choosing: choices) != nil else { return nil }
        return Run(
            body: { _ = try engine.generate(count, logits: &logits, choosing: choices) }, count: count)
    }

    private struct NotFinite: Error, CustomStringConvertible {
        let description = "a loss is not finite"
    }

    private struct Line: Encodable {
        let check = "speed"
        let workload: String
        let precision: Precision
        /// The kernels that run recurrent layers, unless they are the usual ones.
        let variant: String?
        let T: Int
        let B: Int
        let round: Int?
        let stepsInRun: Int?
        /// The median of rounds, the smallest and the greatest: microseconds of a step, or of a token of each text.
        let microseconds: [Double]?
        /// Tokens, or characters of all texts, in a second at the median.
        let tokensPerSecond: Double?
        let error: String?
    }

    /// What was found in all rounds, or in the last.
    func line(round: Int?) -> some Encodable {
        let times = round == nil ? times : times.suffix(1)
        let median = times.isEmpty || error != nil ? nil : Self.median(Array(times))
        return Line(
            workload: workload.name, precision: precision,
            variant: kernels.flatMap { $0 == .steps ? nil : $0.rawValue }, T: workload.T, B: workload.B,
            round: round,
            stepsInRun: run?.count,
            microseconds: median.map { [$0, times.min() ?? $0, times.max() ?? $0].map { 1e6 * $0 } },
            tokensPerSecond: median.map { Double(workload.T * workload.B) / $0 }, error: error)
    }

    private static func time(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return start.duration(to: .now) / .seconds(1)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
