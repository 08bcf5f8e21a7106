import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText
import UnrollTraining

/// What makes no sense is refused with an error, before anything is allocated.
@Suite struct TrainingRefusalTests {
    private func prepare(
        _ corpus: Corpus? = nil, hiddenSize: Int = 4, change: (inout TrainingOptions) -> Void
    ) throws {
        var options = TestTraining.options()
        change(&options)
        _ = try Trainer(
            corpus: corpus ?? TestTraining.corpus(), model: ModelConfiguration(hiddenSize: hiddenSize),
            options: options)
    }

    @Test func optionsThatMakeNoSenseAreRefused() {
        for epochs in [0, -1, .min] {
            expectParameterError("epochs") { try prepare { $0.epochs = epochs } }
        }
        for rate in [0, -1, .nan, .infinity, -.infinity] as [Float] {
            expectParameterError("learningRate") {
                try prepare { $0.optimizer.learningRate = rate }
            }
        }
        for bound in [0, -1, .nan, .infinity] as [Float] {
            expectParameterError("maxGradientNorm") { try prepare { $0.optimizer.maxGradientNorm = bound } }
        }
        for fraction in [0, 1, -0.5, 1.5, .nan, .infinity] {
            expectParameterError("validationFraction") { try prepare { $0.validationFraction = fraction } }
        }
        expectParameterError("trainingWindows") { try prepare { $0.trainingWindows = 10 } }
        expectParameterError("validationWindows") {
            try prepare {
                ($0.partitioning, $0.trainingWindows, $0.validationWindows) = (.windows, 10, 10)
                $0.validationFraction = 0.5
            }
        }
        expectParameterError("validationWindows") {
            try prepare { ($0.partitioning, $0.validationWindows) = (.windows, 10) }
        }
        for count in [0, -1, .min, .max, 1 << 40] {
            expectError {
                try prepare { ($0.partitioning, $0.trainingWindows) = (.windows, count) }
            }
            expectError {
                try prepare {
                    ($0.partitioning, $0.trainingWindows, $0.validationWindows) = (.windows, 10, count)
                }
            }
        }
        expectError(naming: "threads") {
            _ = try Trainer(
                corpus: TestTraining.corpus(), model: TestTraining.model, options: TestTraining.options(),
                engine: .cpu(threads: 0))
        }
    }

    @Test(arguments: [0, -1, .min, 1 << 40, .max, .max - 1], Partitioning.allCases)
    func absurdSizesAreRefused(size: Int, partitioning: Partitioning) {
        let windows = partitioning == .windows ? 10 : nil
        let sampled = { (options: inout TrainingOptions) in
            options.partitioning = partitioning
            options.trainingWindows = windows
        }
        expectError(naming: size < 1 ? "hidden" : "memory") { try prepare(hiddenSize: size, change: sampled) }
        expectError(naming: size < 1 ? "batchSize is \(size)" : "") {
            try prepare {
                sampled(&$0)
                $0.batchSize = size
            }
        }
        expectError(naming: size < 1 ? "sequenceLength is \(size)" : "") {
            try prepare {
                sampled(&$0)
                $0.sequenceLength = size
            }
        }
        expectError {
            try prepare(hiddenSize: size) {
                sampled(&$0)
                ($0.batchSize, $0.sequenceLength) = (size, size)
            }
        }
    }

    @Test func aTextThatIsTooShortIsRefused() throws {
        let short = try Corpus(text: "abc")
        expectError(naming: "the text has 3 tokens, and a minibatch of 4 sequences of 5 needs 26") {
            try prepare(short) { _ in }
        }
        expectError(naming: "0.1") { try prepare(short) { $0.validationFraction = 0.1 } }
        expectError(naming: "tokens") { try prepare(short) { $0.partitioning = .random } }
        expectError(naming: "tokens") { try prepare(short) { $0.partitioning = .windows } }
        // Long enough as a whole, but not what is left of it.
        let split = try Corpus(text: String(repeating: "ab", count: 15))
        try prepare(split) { _ in }
        expectError(naming: "the text has 15 tokens, and a minibatch of 4 sequences of 5 needs 26") {
            try prepare(split) { $0.validationFraction = 0.5 }
        }
    }

    @Test func aVocabularyOfNothingButUnknownTokensIsRefused() throws {
        let corpus = try Corpus(text: String(repeating: "ab", count: 50), minimumFrequency: 1_000)
        expectError(naming: "minimum frequency") { try prepare(corpus) { _ in } }
    }
}
