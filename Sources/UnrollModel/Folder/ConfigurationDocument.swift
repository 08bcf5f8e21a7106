import Foundation
import UnrollBase

/// The contents of `config.json`: the format's name and version, the configuration's properties beside them, and the
/// format of the weights unless that is float32.
struct ConfigurationDocument: Encodable {
    static let format = FileSignature.model
    static let version = 1

    let configuration: ModelConfiguration
    let weightFormat: WeightFormat

    /// What every version has.
    private struct Header: Codable {
        var format = ConfigurationDocument.format
        var version = ConfigurationDocument.version
    }

    /// What a model of float32 does not have.
    private struct Weights: Codable {
        var weightFormat: WeightFormat?
    }

    private init(_ configuration: ModelConfiguration, weightFormat: WeightFormat) {
        self.configuration = configuration
        self.weightFormat = weightFormat
    }

    init(_ model: LanguageModel) {
        self.init(model.configuration, weightFormat: model.weightFormat)
    }

    func encode(to encoder: any Encoder) throws {
        try Header().encode(to: encoder)
        try Weights(weightFormat: weightFormat == .float32 ? nil : weightFormat).encode(to: encoder)
        try configuration.encode(to: encoder)
    }

    func jsonData() throws -> Data {
        try JSONEncoder.unrollPretty.encode(self) + Data("\n".utf8)
    }

    /// Whether a file says the same, if perhaps with other spaces, or without what only later versions write.
    func isEqual(to jsonData: Data) -> Bool {
        let cells = [configuration.cell].filter { _ in !configuration.isCellBuiltIn }
        guard let own = try? JSONValue(encoding: self),
            let document = try? Self(jsonData: jsonData, cells: cells, path: ""),
            let other = try? JSONValue(encoding: document)
        else { return false }
        return other == own
    }

    /// Reads a file; `path` is for the error.
    ///
    /// The cell is looked for among `cells` and the built-in ones.
    init(jsonData: Data, cells: [any RecurrentCell.Type], path: String) throws {
        try ModelConfiguration.checkNames(of: cells)
        let decoder = JSONDecoder()
        if let key = ModelConfiguration.cellsKey { decoder.userInfo[key] = cells }
        guard let header = try? decoder.decode(Header.self, from: jsonData), header.format == Self.format
        else {
            throw FileError.invalid(path: path, reason: "not a configuration that Unroll has written")
        }
        guard header.version <= Self.version else {
            throw FileError.newerVersion(path: path, version: header.version)
        }
        guard header.version == Self.version else {
            throw FileError.invalid(
                path: path, reason: "there is no version \(header.version) of this format")
        }
        do {
            let configuration = try decoder.decode(ModelConfiguration.self, from: jsonData)
            try configuration.check()
            let weights = try decoder.decode(Weights.self, from: jsonData)
            self.init(configuration, weightFormat: weights.weightFormat ?? .float32)
        } catch ModelError.unknownCell(let name, let known) {
            throw ModelFolderError.unknownCell(path: path, name: name, known: known)
        } catch ModelError.otherFormula(let cell, let saved, let own) {
            throw ModelFolderError.otherFormula(path: path, cell: cell, saved: saved, own: own)
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty {
            // The header has been read from the same JSON, so it must be a number; the decoder does not say which.
            throw FileError.invalid(
                path: path, reason: "a number does not fit, such as a fraction where a whole one belongs")
        } catch {
            throw FileError.invalid(path: path, reason: JSONValue.reason(error))
        }
    }
}
