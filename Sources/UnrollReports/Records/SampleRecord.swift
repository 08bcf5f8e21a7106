/// A line of `samples.jsonl`: how the model went on from a prompt, greedily, at the end of an epoch.
package struct SampleRecord: Codable, Equatable, Sendable {
    static let fileName = "samples.jsonl"

    /// The epoch, counted from 1.
    package var epoch: Int
    /// Minibatches of all epochs so far.
    package var step: Int?
    package var prompt: String
    /// What the model added to it.
    package var text: String

    package init(epoch: Int, step: Int? = nil, prompt: String, text: String) {
        self.epoch = epoch
        self.step = step
        self.prompt = prompt
        self.text = text
    }

    /// Whether an epoch's text is kept: after 1, 2, 4, 8 … epochs, for a model learns the most at the beginning.
    static func isDue(after epoch: Int) -> Bool {
        epoch > 0 && epoch & (epoch - 1) == 0
    }
}
