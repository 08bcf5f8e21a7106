import ArgumentParser
import UnrollKernels

/// What `unroll benchmark` measures, by the names that the rivals in `Benchmarks` use too.
enum Workload: String, CaseIterable, ExpressibleByArgument {
    case rnn512
    case rnn32
    case rnn256ReLU = "rnn256-relu"
    case lstm512
    case gru512
    case lstm1024x2
    case custom512
    case words
    case generateRNN512 = "generate-rnn512"
    case generateLSTM512 = "generate-lstm512"
    case generateLSTM1024x2 = "generate-lstm1024x2"
    case int8LSTM512 = "int8-lstm512"
    case int8LSTM1024x2 = "int8-lstm1024x2"
    case samplesRNN512 = "samples-rnn512"
    case samplesLSTM512 = "samples-lstm512"
    case samplesLSTM1024x2 = "samples-lstm1024x2"
    case batchLSTM512 = "batch-lstm512"
    case batchLSTM1024x2 = "batch-lstm1024x2"
    case firstCharacter = "first-character"

    /// What is trained; nil for other workloads.
    var training: TrainingWorkload? {
        switch self {
        case .rnn512: .rnn512
        case .rnn32: .rnn32
        case .rnn256ReLU: .rnn256ReLU
        case .lstm512: .lstm512
        case .gru512: .gru512
        case .lstm1024x2: .lstm1024x2
        case .custom512: .custom512
        case .words: .words
        case .generateRNN512, .generateLSTM512, .generateLSTM1024x2, .int8LSTM512, .int8LSTM1024x2,
            .samplesRNN512, .samplesLSTM512, .samplesLSTM1024x2, .batchLSTM512, .batchLSTM1024x2,
            .firstCharacter:
            nil
        }
    }

    /// Prepares the workload, so that it can be measured; nil for one that the machine does not do.
    func benchmark(on machine: any BenchmarkMachine) throws -> (any Benchmark)? {
        if let training {
            return Precision.trainable.contains(machine.precision)
                ? try TrainingBenchmark(training, on: machine) : nil
        }
        guard let processor = machine as? BenchmarkProcessor else { return nil }
        return switch self {
        case .generateRNN512: try GenerationBenchmark(.rnn512, on: processor)
        case .generateLSTM512: try GenerationBenchmark(.lstm512, on: processor)
        case .generateLSTM1024x2: try GenerationBenchmark(.lstm1024x2, on: processor)
        case .int8LSTM512: try QuantizedBenchmark(.lstm512, on: processor)
        case .int8LSTM1024x2: try QuantizedBenchmark(.lstm1024x2, on: processor)
        case .samplesRNN512: try SamplesBenchmark(.rnn512, on: processor)
        case .samplesLSTM512: try SamplesBenchmark(.lstm512, on: processor)
        case .samplesLSTM1024x2: try SamplesBenchmark(.lstm1024x2, on: processor)
        case .batchLSTM512: try BatchBenchmark(.lstm512, on: processor)
        case .batchLSTM1024x2: try BatchBenchmark(.lstm1024x2, on: processor)
        case .firstCharacter: try FirstCharacterBenchmark(on: processor)
        default: nil
        }
    }
}
