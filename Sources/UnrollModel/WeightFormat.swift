/// The number format of a model's weights, the matrices among its parameters.
public enum WeightFormat: String, Sendable, Codable, CaseIterable {
    /// Single precision.
    case float32
    /// Whole numbers of eight bits with a scale for each row.
    case int8
}

extension LanguageModel {
    /// The same model with its weights rounded to eight bits; itself if they are.
    ///
    /// It is computed in int8, and by the CPU unless another engine is asked for, takes about a quarter of the room on disk,
    /// and starts to train from the rounded weights.
    ///
    /// - Throws: `ModelError.nonFinite` if a weight is infinite or not a number.
    public func quantized() throws -> LanguageModel {
        var model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters.roundedToInt8(),
            ngrams: ngrams, weightFormat: .int8)
        model.moment = moment
        return model
    }
}
