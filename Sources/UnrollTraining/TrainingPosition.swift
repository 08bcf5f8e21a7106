import Foundation

/// How far a run has come: with parameters and state, all that it takes to go on in every bit.
struct TrainingPosition: Codable, Equatable {
    /// Epochs that are done.
    var epoch = 0
    /// Minibatches of the present epoch that are done.
    var minibatch = 0
    /// The summed loss of the present epoch, in nats.
    var nats = 0.0
    /// Tokens of the present epoch.
    var tokens = 0
    /// The summed norms of the present epoch's gradients.
    var gradientNorms = 0.0
    /// Tokens of all epochs, for the speed.
    var totalTokens = 0
    /// Seconds spent in training steps.
    var seconds = 0.0
    /// The last epoch's report, for the summary of a run that was resumed at its end.
    var lastReport: EpochReport?

    /// exp(nats / tokens) of the present epoch; 1 before its first minibatch.
    var perplexity: Double { tokens == 0 ? 1 : exp(nats / Double(tokens)) }

    /// Whether counts are such that one can go on counting from there.
    var isPossible: Bool {
        [epoch, minibatch, tokens, totalTokens].allSatisfy { (0...1 << 60).contains($0) }
    }

    var tokensPerSecond: Double { seconds > 0 ? Double(totalTokens) / seconds : 0 }
}
