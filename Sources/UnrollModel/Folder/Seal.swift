import Foundation
import UnrollBase

/// What the metadata of `model.safetensors` say about the files beside it.
enum Seal {
    static let formatKey = "format"
    static let configurationKey = "config.sha256"
    static let vocabularyKey = "vocabulary.sha256"
    static let ngramsKey = "ngrams.sha256"
    private static let momentKey = "training"
    private static let momentSealKey = "training.sha256"

    /// Returns the metadata for parameters that belong to these files.
    static func metadata(configuration: Data, vocabulary: Data, ngrams: Data?) -> [String: String] {
        var metadata = [
            formatKey: ConfigurationDocument.format,
            configurationKey: Checksum.sha256(configuration),
            vocabularyKey: Checksum.sha256(vocabulary),
        ]
        metadata[ngramsKey] = ngrams.map { Checksum.sha256($0) }
        return metadata
    }

    /// Returns the metadata that say which moment of training parameters are of.
    static func metadata(of moment: TrainingMoment?) throws -> [String: String] {
        guard let moment else { return [:] }
        let data = try JSONEncoder.unroll.encodeWithNulls(moment)
        return [
            momentKey: String(decoding: data, as: UTF8.self), momentSealKey: Checksum.sha256(data),
        ]
    }

    /// The moment of training that the metadata of `path` name; nil if they name none.
    ///
    /// - Throws: `FileError.invalid` if it was changed.
    static func moment(in metadata: [String: String], path: String) throws(FileError) -> TrainingMoment? {
        guard let json = metadata[momentKey].map({ Data($0.utf8) }) else { return nil }
        guard metadata[momentSealKey] == Checksum.sha256(json),
            let moment = try? JSONDecoder().decode(TrainingMoment.self, from: json)
        else { throw .invalid(path: path, reason: "its metadata has been changed") }
        return moment
    }
}
