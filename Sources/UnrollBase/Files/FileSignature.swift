/// The marks of the files that Unroll writes, by which it knows them in a folder of texts.
package enum FileSignature {
    /// The names of a model folder's files that identify it.
    package static let configurationName = "config.json"
    package static let parametersName = "model.safetensors"
    package static let trainingName = "training.json"
    /// The names of the files by which a folder is known that a network was exported to, and of the one beside them.
    package static let (onnxName, torchName) = ("step.onnx", "model.pt")
    package static let vocabularyName = "vocabulary.json"
    /// The formats that these files name.
    package static let model = "unroll-model"
    package static let training = "unroll-training"
    package static let vocabulary = "unroll-vocabulary"
    /// The beginning of a page, before its kind.
    package static let page = "<!DOCTYPE html>\n<!-- unroll "
    /// The beginning of a compressed text: four bytes that no text begins with.
    package static let compressedText: [UInt8] = [0xF5, 0x55, 0x4E, 0x52]
    /// The end of a token cache: "UNTOKN01", the format and its version.
    package static let tokenCache: UInt64 = 0x3130_4E4B_4F54_4E55
    /// The part of the name of a file of events that TensorBoard looks for.
    package static let events = "tfevents"
    /// The end of the name of a recipe's results, beside which its chart is.
    package static let recipeResultName = "-result.json"
    /// The beginning of these results.
    package static let recipeResult = "{\n  \"recipe\" :"
}
