import ArgumentParser

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
    case samplesRNN512 = "samples-rnn512"
    case samplesLSTM512 = "samples-lstm512"
    case samplesLSTM1024x2 = "samples-lstm1024x2"
    case firstCharacter = "first-character"

    /// Prepares the workload, so that it can be measured.
    func benchmark(on machine: BenchmarkMachine) throws -> any Benchmark {
        switch self {
        case .rnn512: try TrainingBenchmark(.rnn512, on: machine)
        case .rnn32: try TrainingBenchmark(.rnn32, on: machine)
        case .rnn256ReLU: try TrainingBenchmark(.rnn256ReLU, on: machine)
        case .lstm512: try TrainingBenchmark(.lstm512, on: machine)
        case .gru512: try TrainingBenchmark(.gru512, on: machine)
        case .lstm1024x2: try TrainingBenchmark(.lstm1024x2, on: machine)
        case .custom512: try TrainingBenchmark(.custom512, on: machine)
        case .words: try TrainingBenchmark(.words, on: machine)
        case .generateRNN512: try GenerationBenchmark(.rnn512, on: machine)
        case .generateLSTM512: try GenerationBenchmark(.lstm512, on: machine)
        case .samplesRNN512: try SamplesBenchmark(.rnn512, on: machine)
        case .samplesLSTM512: try SamplesBenchmark(.lstm512, on: machine)
        case .samplesLSTM1024x2: try SamplesBenchmark(.lstm1024x2, on: machine)
        case .firstCharacter: try FirstCharacterBenchmark(on: machine)
        }
    }
}
