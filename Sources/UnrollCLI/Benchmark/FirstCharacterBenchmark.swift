import Foundation
import Unroll

/// Measures how long a person waits: from the start of `unroll generate` to the first character that it makes up.
struct FirstCharacterBenchmark: Benchmark {
    private let machine: BenchmarkMachine
    private let model: LanguageModel
    private var times = Measurements()

    init(on machine: BenchmarkMachine) throws {
        self.machine = machine
        model = try GenerationBenchmark.model(of: .rnn512)
    }

    mutating func measure() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "unroll-benchmark-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try model.save(to: folder)

        let output = Pipe()
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = [
            "generate", folder.path, "--prompt", GenerationBenchmark.prompt, "--length", "1", "--greedy",
            "--threads", "\(machine.threads)", "--precision", machine.precision.rawValue,
        ]
        process.standardOutput = output
        let start = ContinuousClock.now
        try process.run()
        var received = 0
        while received <= GenerationBenchmark.prompt.utf8.count {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { break }
            received += data.count
        }
        let time = start.duration(to: .now)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("unroll generate failed; see above") }
        times.append(time / .milliseconds(1))
    }

    var result: any BenchmarkResult {
        Result(
            milliseconds: times.median, minimumMilliseconds: times.minimum,
            maximumMilliseconds: times.maximum)
    }

    private struct Result: BenchmarkResult {
        let milliseconds: Double
        let minimumMilliseconds: Double
        let maximumMilliseconds: Double

        var description: String {
            "\(Format.decimal(milliseconds)) ms "
                + "(\(Format.decimal(minimumMilliseconds)) to \(Format.decimal(maximumMilliseconds)))"
        }
    }
}
