import Foundation
import UnrollModel

/// The contents of `config.json`.
struct ConfigurationDocument: Codable, Equatable {
    static let format = "unroll-model"
    static let version = 1

    let format: String
    let version: Int
    let cell: String
    let hiddenSize: Int

    init(_ configuration: ModelConfiguration) {
        format = Self.format
        version = Self.version
        cell = configuration.cell.name
        hiddenSize = configuration.hiddenSize
    }

    /// Reads the document; `path` is for the error.
    init(jsonData: Data, path: String) throws(StorageError) {
        /// What every version has.
        struct Header: Decodable {
            let format: String
            let version: Int
        }
        let decoder = JSONDecoder()
        guard let header = try? decoder.decode(Header.self, from: jsonData), header.format == Self.format
        else {
            throw .invalidFile(path: path, reason: "not a configuration that Unroll has written")
        }
        guard header.version <= Self.version else {
            throw .newerVersion(path: path, version: header.version)
        }
        guard header.version == Self.version, let document = try? decoder.decode(Self.self, from: jsonData)
        else {
            throw .invalidFile(path: path, reason: "version, cell or hiddenSize is missing or not valid")
        }
        self = document
    }

    func jsonData() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Finds the cell among `cells` and the built-in ones, in this order.
    func configuration(
        cells: [any RecurrentCell.Type], path: String
    ) throws(StorageError) -> ModelConfiguration {
        let known = cells + ModelConfiguration.builtInCells
        guard let cell = known.first(where: { $0.name == cell }) else {
            throw .unknownCell(path: path, name: cell, known: known.map { $0.name })
        }
        let configuration = ModelConfiguration(cell: cell, hiddenSize: hiddenSize)
        do {
            try configuration.check()
        } catch {
            throw .invalidFile(path: path, reason: error.description)
        }
        return configuration
    }
}
