import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText

/// What predicts a text that is compressed.
package enum CodingNetwork {
    case model(LanguageModel)
    /// A network that learns while it predicts; its tokens are these bytes, 0 to 255 in their order.
    case adaptive(alphabet: [UInt8])

    var vocabulary: Vocabulary {
        get throws {
            switch self {
            case .model(let model): return model.vocabulary
            case .adaptive(let alphabet):
                return try Corpus(bytes: alphabet, name: "alphabet", tokens: .bytes).vocabulary
            }
        }
    }

    /// What the header says of it.
    var signature: CompressedHeader.Signature {
        get throws(GenerationError) {
            switch self {
            case .model(let model):
                do throws(ModelError) {
                    return .model(CompressedHeader.bytes(ofFingerprint: try model.fingerprint))
                } catch {
                    throw .engine(.model(error))
                }
            case .adaptive(let alphabet): return .adaptive(alphabet: alphabet)
            }
        }
    }

    func predictor(
        precision: Precision, threads: Int?, kernelLevel: KernelLevel?
    ) throws(GenerationError) -> any TokenPredictor {
        do throws(EngineError) {
            switch self {
            case .model(let model):
                return ModelPredictor(
                    try CPUEngine(
                        configuration: model.configuration, parameters: model.parameters,
                        precision: precision, threads: threads, kernelLevel: kernelLevel))
            case .adaptive(let alphabet):
                return try LearningPredictor(
                    vocabularySize: alphabet.count + 1, precision: precision, threads: threads,
                    kernelLevel: kernelLevel)
            }
        } catch {
            throw .engine(error)
        }
    }
}
