/// A validation that no other was better than.
public struct BestValidation: Sendable, Equatable, Codable {
    /// The perplexity of the held-out text.
    public var perplexity: Double
    /// The epoch, counted from 1.
    public var epoch: Int
    /// Steps of the run that had been taken.
    public var step: Int

    package init(perplexity: Double, epoch: Int, step: Int) {
        self.perplexity = perplexity
        self.epoch = epoch
        self.step = step
    }
}

/// What validation has found so far, as far as it decides how the run goes on.
package struct ValidationHistory: Codable, Equatable {
    /// The best so far.
    package private(set) var best: BestValidation?
    /// Validations since the last improvement that was large enough to count.
    package private(set) var countSinceImprovement = 0
    /// The perplexity that an improvement has to be below.
    private var reference: Double?
    /// The last perplexities, as many as the trigger of averaging looks away from, oldest first.
    private var recent: [Double] = []
    /// The least of those before.
    private var earlier: Double?

    package init() {}

    /// Notes a validation; says whether it fires the non-monotone trigger over so many of those before it.
    package mutating func add(_ validation: BestValidation, minimumImprovement: Double, trigger: Int?) -> Bool
    {
        let perplexity = validation.perplexity
        if best.map({ perplexity < $0.perplexity }) ?? true { best = validation }
        if reference.map({ perplexity < $0 * (1 - minimumImprovement) }) ?? true {
            reference = perplexity
            countSinceImprovement = 0
        } else {
            countSinceImprovement += 1
        }
        guard let trigger else { return false }
        let fires = earlier.map { perplexity > $0 } ?? false
        recent.append(perplexity)
        if recent.count > trigger { earlier = min(earlier ?? .infinity, recent.removeFirst()) }
        return fires
    }
}
