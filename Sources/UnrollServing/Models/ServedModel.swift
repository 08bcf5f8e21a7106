#if Serving
import Foundation
import UnrollBase
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText

/// One version of a model that a server offers.
///
/// Requests keep the version that they began with, so a new one can take its place at any time.
final class ServedModel: Sendable {
    /// The name by which requests ask for it.
    let id: String
    let model: LanguageModel
    /// Generates the texts of all requests together.
    let generator: BatchGenerator
    let precision: Precision?
    /// Seconds since 1970, of the folder's parameters or else of the start.
    let created: Int
    /// Short, and the same for the same parameters.
    let fingerprint: String

    init(
        _ model: LanguageModel, id: String, created: Int, batchSize: Int, precision: Precision?, threads: Int?
    ) throws {
        self.id = id
        self.model = model
        self.created = created
        self.precision = precision
        generator = try BatchGenerator(model, width: batchSize, precision: precision, threads: threads)
        fingerprint = "fp_" + (try model.fingerprint.prefix(12))
    }

    /// The token that stands for an empty prompt: the separator of lines, which a text begins after.
    var startToken: Int32? { Tokenizer(model.vocabulary).separatorID }

    /// The model in one line, such as "LSTM, 1 layer of 512 units".
    var description: String {
        let configuration = model.configuration
        let (layers, units) = (configuration.layerCount, configuration.hiddenSize)
        return "\(configuration.cell.name), \(layers) \(layers == 1 ? "layer" : "layers") of \(units) units"
            + (model.weightFormat == .float32 ? "" : ", weights in \(model.weightFormat.rawValue)")
    }
}
#endif
