/// What a network wrote after a prompt.
public struct Sample: Sendable, Encodable {
    /// After which epoch, counted from 1.
    public var epoch: Int
    /// What it went on from.
    public var prompt: String
    /// How the next token was chosen.
    public var strategy: String
    /// The continuations, one for each seed of generation.
    public var texts: [String]
    /// The share of different ones among all runs of four characters in the continuations, between 0 and 1.
    public var diversity: Double

    init(epoch: Int, prompt: String, strategy: String, texts: [String]) {
        self.epoch = epoch
        self.prompt = prompt
        self.strategy = strategy
        self.texts = texts
        let runs = texts.flatMap { text in
            let characters = Array(text)
            return (0..<max(0, characters.count - 3)).map { String(characters[$0..<$0 + 4]) }
        }
        diversity = runs.isEmpty ? 0 : Double(Set(runs).count) / Double(runs.count)
    }
}
