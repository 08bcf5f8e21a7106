import UnrollBase

/// The moment of training that a model is of.
package struct TrainingMoment: Codable, Equatable, Sendable, CustomStringConvertible {
    /// The epoch of the last step, counted from 1; 0 before the first step.
    package var epoch: Int
    /// Steps of training since the beginning of the run.
    package var step: Int
    /// The perplexity of the held-out text by this model; nil if it was not measured then.
    package var validationPerplexity: Double?

    package init(epoch: Int, step: Int, validationPerplexity: Double? = nil) {
        self.epoch = epoch
        self.step = step
        self.validationPerplexity = validationPerplexity
    }

    /// Epoch and step, such as "epoch 3, step 120".
    package var description: String {
        step == 0
            ? "untrained"
            : "epoch \(epoch), step \(step)"
                + (validationPerplexity.map { ", validation perplexity \(NumberFormat.decimal($0))" } ?? "")
    }
}
