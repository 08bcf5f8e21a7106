import Foundation
import Testing
import UnrollBase
import UnrollInterchange
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct TorchFileTests {
    /// The members of an archive by their names, with the places of their contents.
    private func members(_ archive: Data) throws -> [String: Range<Int>] {
        func number(_ place: Int, _ size: Int) -> Int {
            archive[place..<place + size].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let end = archive.count - 22
        try #require(number(end, 4) == 0x0605_4B50)
        var members: [String: Range<Int>] = [:]
        var entry = number(end + 16, 4)
        for _ in 0..<number(end + 10, 2) {
            try #require(number(entry, 4) == 0x0201_4B50)
            let (length, offset) = (number(entry + 28, 2), number(entry + 42, 4))
            let name = archive[entry + 46..<entry + 46 + length]
            try #require(number(offset, 4) == 0x0403_4B50)
            #expect(archive[offset + 30..<offset + 30 + length] == name)
            let start = offset + 30 + length + number(offset + 28, 2)
            let contents = start..<start + number(offset + 22, 4)
            #expect(Int(CRC32.zip.checksum(of: archive[contents])) == number(offset + 14, 4))
            members[String(decoding: name, as: UTF8.self)] = contents
            entry += 46 + length
        }
        #expect(entry == end)
        return members
    }

    @Test(arguments: Fixture.names)
    func archivesAreAlignedAndWhole(name: String) throws {
        let archive = try Data(contentsOf: Fixture.url("\(name)-pytorch/model.pt"))
        let members = try members(archive)
        let entries = try Fixture.model(name).parameters.entries
        #expect(
            Set(members.keys)
                == Set(
                    ["data.pkl", "byteorder", "version"].map { "archive/\($0)" }
                        + entries.indices.map { "archive/data/\($0)" }))
        #expect(members.values.allSatisfy { $0.lowerBound % 64 == 0 })
        for (index, entry) in entries.enumerated() {
            let contents = try #require(members["archive/data/\(index)"])
            #expect(archive[contents] == Data(littleEndian: entry.values))
        }
    }

    /// A module of PyTorch's own layers has at most 40 lines, whatever the tokens.
    @Test(
        arguments: TokenKind.allCases,
        [TanhCell.self, ReLUCell.self, LSTMCell.self, GRUCell.self].map(CellType.init))
    func modulesAreShort(tokens: TokenKind, cell: CellType) throws {
        for preprocessing in Preprocessing.allCases {
            let vocabulary = try Corpus(
                text: "The lamp. The lamp", preprocessing: preprocessing, tokens: tokens
            )
            .vocabulary
            let configuration = ModelConfiguration(
                cell: cell.type, hiddenSize: 4, layerCount: 3, embeddingSize: 4, tiesWeights: true)
            let model = try LanguageModel(
                configuration: configuration, vocabulary: vocabulary,
                parameters: ModelParameters(for: configuration, vocabularySize: vocabulary.count, seed: 1))
            let folder = try TemporaryFolder()
            let names = try model.export(to: folder("m"), as: .pytorch)
            #expect(names.contains("tokenizer.json") == (tokens == .subwords))
            let text = try String(contentsOf: folder("m/model.py"), encoding: .utf8)
            #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 41)
            #expect(!text.contains("class Recurrent"))
            #expect(text.contains(", re") == (preprocessing != .none))
        }
    }

    struct CellType: Sendable, CustomTestStringConvertible {
        let type: any RecurrentCell.Type
        var testDescription: String { type.name }
    }

    @Test func zoneoutIsAFormula() throws {
        let vocabulary = try Corpus(text: "abc").vocabulary
        let configuration = ModelConfiguration(
            cell: LSTMCell.self, hiddenSize: 3, zoneout: Zoneout(output: 0.25, memory: 0.5))
        let model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(for: configuration, vocabularySize: vocabulary.count, seed: 1))
        let folder = try TemporaryFolder()
        try model.export(to: folder("m"), as: .pytorch)
        let text = try String(contentsOf: folder("m/model.py"), encoding: .utf8)
        #expect(text.contains("old_h + 0.75 * ("))
        #expect(text.contains("old_c + 0.5 * (v1 - old_c)"))
    }
}
