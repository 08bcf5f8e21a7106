import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollInterchange
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Damaged files are errors: none ends the process, takes memory without end, or passes for something else.
///
/// `UNROLL_MUTATIONS=10000` makes as many of each file.
@Suite(.serialized) struct ImportMutationTests {
    private static let count =
        ProcessInfo.processInfo.environment["UNROLL_MUTATIONS"].flatMap { Int($0) } ?? 300

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func imported(_ bytes: [UInt8]) throws -> ImportedModel {
        let file = folder("network")
        try Data(bytes).write(to: file)
        return try ImportedModel(
            contentsOf: file, vocabulary: .tokens(ImportFixture.tokens), cell: TanhCell.self)
    }

    private func contents(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: ImportFixture.url(name)))
    }

    /// Expects an error of one line, or a model that can be used.
    private func expectErrorOrModel(
        _ bytes: [UInt8], mutation: Int, check: (ImportedModel) throws -> Void
    ) throws {
        do {
            let imported = try imported(bytes)
            let model = imported.model
            let engine = try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters)
            var logits: [Float] = []
            try engine.advance(1, logits: &logits)
            #expect(logits.count == model.vocabulary.count)
            try check(imported)
        } catch {
            #expect(error is any UnrollError, "mutation \(mutation): \(error)")
            #expect(!"\(error)".contains("\n"))
        }
    }

    /// The checksums of the archive cover everything that decides the model.
    @Test(arguments: ["torch-tanh-float16.pt", "torch-tanh-float64.pt"])
    func damagedArchivesGiveTheModelOrAnError(name: String) throws {
        let whole = try contents(name)
        let fingerprint = try imported(whole).model.fingerprint
        for index in 0..<Self.count {
            var mutation = Mutation(seed: index)
            try expectErrorOrModel(mutation.apply(to: whole), mutation: index) { imported in
                let found = try imported.model.fingerprint
                #expect(found == fingerprint, "mutation \(index)")
            }
        }
    }

    /// A forger makes the checksums right, so that the pickle is read.
    @Test(arguments: ["torch-tanh-float16.pt", "torch-lstm-checkpoint.pt", "torch-relu-views.pt"])
    func damagedPicklesGiveAModelOrAnError(name: String) throws {
        let archive = TorchArchive(try contents(name))
        let pickle = try #require(archive.members.firstIndex { $0.name.hasSuffix("data.pkl") })
        for index in 0..<Self.count {
            var (mutation, forged) = (Mutation(seed: index), archive)
            forged.members[pickle].contents = mutation.apply(to: archive.members[pickle].contents)
            try expectErrorOrModel(forged.bytes(), mutation: index) { imported in
                #expect(imported.model.parameters.entries.allSatisfy { $0.values.allSatisfy(\.isFinite) })
            }
        }
    }

    @Test(arguments: ["torch-tanh-bfloat16-2.safetensors", "mlx-tanh.safetensors", "linen-tanh.safetensors"])
    func damagedSafetensorsGiveAModelOrAnError(name: String) throws {
        let whole = try contents(name)
        for index in 0..<Self.count {
            var mutation = Mutation(seed: index)
            try expectErrorOrModel(mutation.apply(to: whole), mutation: index) { imported in
                #expect(imported.model.configuration.hiddenSize == 5, "mutation \(index)")
                #expect(imported.model.parameters.entries.allSatisfy { $0.values.allSatisfy(\.isFinite) })
            }
        }
    }

    @Test(arguments: ["torch-lstm-checkpoint.pt", "mlx-gru.safetensors"])
    func everyBeginningIsAnError(name: String) throws {
        let whole = try contents(name)
        for length in stride(from: 0, to: whole.count, by: 7) {
            let error = #expect(throws: (any Error).self) { try imported(Array(whole[..<length])) }
            #expect(error is any UnrollError, "\(length) bytes")
        }
    }
}
