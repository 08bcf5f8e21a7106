import Foundation
import UnrollEngine
import UnrollModel
import UnrollText

/// The rules behind a plan.
package enum PlanRules {
    /// Floating-point operations of training on a token: two of each weight forward, four backward.
    package static func workOfToken(_ model: ModelConfiguration, vocabularySize: Int) -> Double {
        let (H, G) = (Double(model.hiddenSize), Double(model.cell.gates.count))
        let recurrent = G * H * H * Double(2 * model.layerCount - 1)
        let embedded = G * H * Double(model.embeddingSize ?? 0)
        return 6 * (recurrent + embedded + H * Double(vocabularySize))
    }

    /// Hidden units for so much work, in floating-point operations, on a text of so many tokens.
    ///
    /// A larger model learns more from a token, and sees fewer of them in the same time: the best one has seen about
    /// `tokensPerWeight` tokens for each of its weights. A small text has nothing to teach a large model.
    package static func hiddenSize(
        work: Double, trainingTokens: Int, model: ModelConfiguration, vocabularySize: Int
    ) -> Int {
        let largest = 40 * pow(Double(max(trainingTokens, 1)) / 1000, 0.65)
        var best = hiddenSizes[0]
        for size in hiddenSizes where Double(size) <= largest {
            var candidate = model
            candidate.hiddenSize = size
            let workOfToken = workOfToken(candidate, vocabularySize: vocabularySize)
            guard work / workOfToken >= tokensPerWeight * workOfToken / 6 else { break }
            best = size
        }
        return best
    }

    /// Multiples of the width of the kernels' tiles.
    private static let hiddenSizes = [
        64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048,
    ]
    private static let tokensPerWeight = 10.0

    /// Whether tokens are vectors that are learned and shared with the output, and not one-hot: where there are many, those
    /// of one-hot inputs would be most of the model.
    static func isEmbedded(vocabularySize: Int) -> Bool { vocabularySize >= 512 }

    /// Whether a text of so many characters is better read as subwords.
    ///
    /// Each stands for two or three characters, so that a step of the network reaches further, and a long text has enough of
    /// each to learn it from. Where there are many different characters, as in Chinese, one is such a step already.
    package static func prefersSubwords(characters: Int, vocabularySize: Int) -> Bool {
        characters >= 1_200_000 && vocabularySize < 1_024
    }

    /// The n-gram model beside the network: the larger the vocabulary, the sooner sequences are new.
    package static func ngrams(vocabularySize: Int) -> NGramConfiguration {
        NGramConfiguration(order: isEmbedded(vocabularySize: vocabularySize) ? 4 : 6)
    }

    /// The regularization of a run that reads the text so many times.
    package static func regularization(epochs: Double) -> Regularization {
        switch epochs {
        case ..<2: Regularization()
        case ..<5: Regularization(dropout: 0.1)
        case ..<10: Regularization(dropout: 0.2)
        case ..<20: Regularization(dropout: 0.3)
        case ..<40: Regularization(dropout: 0.4, weightDrop: 0.2)
        case ..<100: Regularization(dropout: 0.5, weightDrop: 0.3)
        default: Regularization(dropout: 0.5, weightDrop: 0.5)
        }
    }

    /// The training tokens after which nothing is gained: those of 150 passes over a text, or of 10,000 minibatches.
    static func mostTokens(trainingTokens: Double, tokensOfStep: Double) -> Double {
        max(150 * trainingTokens, 10_000 * tokensOfStep)
    }

    /// The steps over which the learning rate grows.
    static func warmUp(steps: Int) -> Int { min(200, steps / 10) }

    /// The learning rate of AdamW, at minibatches of 2,048 tokens.
    static func learningRate(hiddenSize: Int) -> Float {
        let rate = 0.01 * (384 / Double(max(hiddenSize, 384))).squareRoot()
        return Float((rate * 1000).rounded() / 1000)
    }

    static let weightDecay: Float = 0.1

    /// The sequences and steps of a minibatch: on a short text, many small ones teach more than few large ones.
    package static func shape(trainingTokens: Int) -> (batchSize: Int, sequenceLength: Int) {
        let length = min(64, max(trainingTokens / 32, 1))
        var batch = 32
        while batch > 1, trainingTokens / (batch * length) < 20 { batch /= 2 }
        return (batch, length)
    }

    /// The share of a text that is held out: a tenth, and of large texts as much as tells models apart.
    package static func heldOut(tokens: Int) -> Double { min(0.1, 200_000 / Double(max(tokens, 1))) }
}
