import Foundation
import UnrollBase

/// What the metadata of `model.safetensors` say about the files beside it.
enum Seal {
    static let formatKey = "format"
    static let configurationKey = "config.sha256"
    static let vocabularyKey = "vocabulary.sha256"

    /// Returns the metadata for parameters that belong to these two files.
    static func metadata(configuration: Data, vocabulary: Data) -> [String: String] {
        [
            formatKey: ConfigurationDocument.format,
            configurationKey: Checksum.sha256(configuration),
            vocabularyKey: Checksum.sha256(vocabulary),
        ]
    }
}
