import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollStorage
import UnrollText

/// What predicts a text that is compressed.
package enum CodingNetwork {
    case model(LanguageModel)
    /// A network that learns while it predicts; its tokens are all bytes.
    case adaptive

    var vocabulary: Vocabulary {
        get throws(GenerationError) {
            switch self {
            case .model(let model): return model.vocabulary
            case .adaptive:
                do throws(TextError) {
                    return try Corpus(bytes: 0...UInt8.max, name: "bytes", tokens: .bytes).vocabulary
                } catch {
                    throw .text(error)
                }
            }
        }
    }

    /// That of the model, if there is one.
    var fingerprint: String? {
        get throws(GenerationError) {
            guard case .model(let model) = self else { return nil }
            do throws(ModelError) {
                return try model.fingerprint
            } catch {
                throw .engine(.model(error))
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
            case .adaptive:
                return try LearningPredictor(
                    precision: precision, threads: threads, kernelLevel: kernelLevel)
            }
        } catch {
            throw .engine(error)
        }
    }
}
