import Foundation
import UnrollBase
import UnrollTraining

/// A line of `metrics.jsonl`.
package struct EpochMetrics: Codable, Equatable, Sendable {
    static let fileName = "metrics.jsonl"

    /// The epoch, counted from 1.
    package var epoch: Int
    /// Minibatches of all epochs so far.
    package var step: Int?
    /// The perplexity over the epoch's training tokens.
    package var perplexity: Double
    /// The perplexity of the held-out text.
    package var validationPerplexity: Double?
    /// The mean norm of the gradient before clipping.
    package var gradientNorm: Double?
    /// The size of the optimizer's steps.
    package var learningRate: Double?
    /// Tokens trained on in a second of training.
    package var tokensPerSecond: Double?
    /// Seconds of training since the beginning of the run.
    package var seconds: Double?

    /// The part of the epoch that is done, for a report inside it; nil for the whole.
    package var partOfEpoch: Double?

    /// Where it lies on an axis of epochs.
    var epochs: Double { partOfEpoch.map { Double(epoch) - 1 + $0 } ?? Double(epoch) }

    /// What the line of a report says.
    init(_ report: EpochReport) throws {
        self = try JSONDecoder().decode(Self.self, from: try JSONEncoder.unroll.encodeWithNulls(report))
    }

    /// Reads a line, where a perplexity beyond all numbers is null.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        epoch = try container.decode(Int.self, forKey: .epoch)
        step = try container.decodeIfPresent(Int.self, forKey: .step)
        perplexity = try container.decode(Double?.self, forKey: .perplexity) ?? .infinity
        validationPerplexity = try container.decodeIfPresent(Double.self, forKey: .validationPerplexity)
        gradientNorm = try container.decodeIfPresent(Double.self, forKey: .gradientNorm)
        learningRate = try container.decodeIfPresent(Double.self, forKey: .learningRate)
        tokensPerSecond = try container.decodeIfPresent(Double.self, forKey: .tokensPerSecond)
        seconds = try container.decodeIfPresent(Double.self, forKey: .seconds)
        partOfEpoch = try container.decodeIfPresent(Double.self, forKey: .partOfEpoch)
    }
}
