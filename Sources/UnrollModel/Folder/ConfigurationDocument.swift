import Foundation
import UnrollBase

/// The contents of `config.json`.
///
/// Version 1 knows one layer that reads one-hot vectors and has two biases. Models that are more than that are of version
/// 2, and those with zoneout of version 3, so that a program of that time says so and does not compute something else.
struct ConfigurationDocument: Codable, Equatable {
    static let format = "unroll-model"
    static let newestVersion = 3

    let format: String
    let version: Int
    let cell: String
    let hiddenSize: Int
    /// Nil for 1.
    let layers: Int?
    /// Nil for one-hot vectors.
    let embedding: Int?
    /// Nil for false.
    let tiedWeights: Bool?
    /// Nil for false.
    let singleBias: Bool?
    /// Nil for none.
    let zoneout: Zoneout?

    init(_ configuration: ModelConfiguration) {
        format = Self.format
        cell = configuration.cell.name
        hiddenSize = configuration.hiddenSize
        let (layers, ties) = (configuration.layerCount, configuration.tiesWeights)
        embedding = configuration.embeddingSize
        let isOfVersion1 = layers == 1 && embedding == nil && !ties && !configuration.hasSingleBias
        let hasZoneout = configuration.zoneout != Zoneout()
        version = hasZoneout ? 3 : isOfVersion1 ? 1 : 2
        zoneout = hasZoneout ? configuration.zoneout : nil
        self.layers = isOfVersion1 ? nil : layers
        tiedWeights = isOfVersion1 ? nil : ties
        singleBias = configuration.hasSingleBias ? true : nil
    }

    /// Reads the document; `path` is for the error.
    init(jsonData: Data, path: String) throws {
        /// What every version has.
        struct Header: Decodable {
            let format: String
            let version: Int
        }
        let decoder = JSONDecoder()
        guard let header = try? decoder.decode(Header.self, from: jsonData), header.format == Self.format
        else {
            throw FileError.invalid(path: path, reason: "not a configuration that Unroll has written")
        }
        guard header.version <= Self.newestVersion else {
            throw FileError.newerVersion(path: path, version: header.version)
        }
        guard header.version >= 1, let document = try? decoder.decode(Self.self, from: jsonData) else {
            throw FileError.invalid(
                path: path,
                reason:
                    "version, cell, layers, embedding, tiedWeights, singleBias, zoneout or hiddenSize is missing or not valid"
            )
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
    ) throws -> ModelConfiguration {
        let known = cells + ModelConfiguration.builtInCells
        guard let cell = known.first(where: { $0.name == cell }) else {
            throw ModelFolderError.unknownCell(path: path, name: cell, known: known.map { $0.name })
        }
        let configuration = ModelConfiguration(
            cell: cell, hiddenSize: hiddenSize, layerCount: layers ?? 1, embeddingSize: embedding,
            tiesWeights: tiedWeights ?? false, hasSingleBias: singleBias ?? false,
            zoneout: zoneout ?? Zoneout())
        do {
            try configuration.check()
        } catch {
            throw FileError.invalid(path: path, reason: error.description)
        }
        return configuration
    }
}
