import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Cells are recognized by what they compute, not by what they are called.
@Suite struct CellDigestTests {
    // MARK: Digests

    /// Models that are saved with a built-in cell name it and nothing else: these never change.
    @Test(arguments: [
        ("tanh", "26067b45b2473aa0d9980e41fad280fb21ae6b388301537cbadaa064e6d33855"),
        ("relu", "367b9449bc0e0e3e875d166bcce46499f321aec57cfb4a4d66e06b04a3caef3d"),
        ("lstm", "53fecbdb46459fb73dedfea18f646fe16db0fdaf4c4e7f9aa34ceaf908cb4f31"),
        ("gru", "87ff406d08084949ec86f2cba0d9abd02cb49f3932684b83e87b1ddf5fbf988b"),
    ])
    func theFormulasOfBuiltInCellsStayAsTheyAre(name: String, digest: String) throws {
        let cell = try #require(ModelConfiguration.builtInCells.first { $0.name == name })
        #expect(try cell.digest == digest)
    }

    @Test func theTextOfAFormulaIsThis() throws {
        #expect(
            try CellGraph(of: HomemadeCell.self).canonicalText == """
                unroll-cell 1
                gates 2
                states 1
                gate 0
                sigmoid 0
                gate 1
                tanh 2
                multiply 1 3
                new 4

                """)
        #expect(
            try CellGraph(of: Halves.Cell.self).canonicalText == """
                unroll-cell 1
                gates 2
                states 1
                input-half 1
                constant 3fe0000000000000
                hidden-half 1
                multiply 1 2
                add 0 3
                state 0
                add 4 5
                new 6

                """)
    }

    /// Models of cells with these operations are recognized by their text, which stays.
    @Test func theTextOfEveryFunctionIsThis() throws {
        let text = try CellGraph(of: FunctionsCell.self).canonicalText
        let names = Set(
            text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) })
        #expect(
            names.isSuperset(
                of: UnaryFunction.allCases.map(\.rawValue) + BinaryOperator.allCases.map(\.rawValue)))
        #expect(text.contains("\npower 3ff8000000000000 "))
        let digests = try [FunctionsCell.digest, StabilizedCell.digest]
        #expect(digests[0] == "e83723a1e6d1e4a97acbb17c3ac296a801ddb51914f286a825c81f370993be55")
        #expect(digests[1] == "d04ebb111ce7d2e261a1f90d6b420b5a7454d48fd478cefb412ce543b83c6dad")
    }

    @Test func theTextOfAFormulaThatReadsItsInputIsThis() throws {
        #expect(
            try CellGraph(of: HighwayCell.self).canonicalText == """
                unroll-cell 1
                gates 2
                states 1
                gate 0
                sigmoid 0
                gate 1
                tanh 2
                multiply 1 3
                constant 3ff0000000000000
                subtract 5 1
                input
                multiply 6 7
                add 4 8
                new 9

                """)
    }

    @Test func namesAndWaysOfWritingDoNotCount() throws {
        let digest = try HomemadeCell.digest
        for cell in [Renamed.Cell.self, Wordy.Cell.self] as [any RecurrentCell.Type] {
            #expect(try cell.digest == digest)
        }
    }

    @Test func formulasCount() throws {
        let cells: [any RecurrentCell.Type] =
            [HomemadeCell.self, Swapped.Cell.self, Scaled.Cell.self, Halves.Cell.self]
            + ModelConfiguration.builtInCells
        #expect(Set(try cells.map { try $0.digest }).count == cells.count)
        #expect(try HomemadeCell.digest.wholeMatch(of: /[0-9a-f]{64}/) != nil)
    }

    // MARK: Models

    @Test func modelsOfDifferentFormulasHaveDifferentFingerprints() throws {
        let model = try LanguageModel.sample(cell: HomemadeCell.self)
        #expect(try model.fingerprint != LanguageModel.sample(cell: Scaled.Cell.self).fingerprint)
        #expect(try model.fingerprint == LanguageModel.sample(cell: Wordy.Cell.self).fingerprint)
    }

    @Test func aChangedFormulaIsNoticed() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample(cell: HomemadeCell.self).save(to: folder("model"))
        let config = folder("model/config.json")
        let (saved, own) = (try HomemadeCell.digest, try Scaled.Cell.digest)
        #expect(try String(contentsOf: config, encoding: .utf8).contains(saved))
        let error = ModelFolderError.otherFormula(path: config.path, cell: "homemade", saved: saved, own: own)
        #expect(throws: error) { try LanguageModel(contentsOf: folder("model"), cells: [Scaled.Cell.self]) }
        for text in [
            "config.json", "'homemade'", String(saved.prefix(12)), String(own.prefix(12)), "train again",
        ] {
            #expect(error.description.contains(text), "\(error)")
        }
        #expect(!error.description.contains("\n"))
        // The same formula in other words is the same cell.
        let read = try LanguageModel(contentsOf: folder("model"), cells: [Wordy.Cell.self])
        #expect(read.configuration.cell is Wordy.Cell.Type)
        // Nor is a model of one formula saved over one of the other.
        #expect(throws: ModelFolderError.holdsAnotherModel(path: folder("model").path)) {
            try LanguageModel.sample(cell: Scaled.Cell.self).save(to: folder("model"))
        }
    }

    @Test func modelsWithoutADigestAreStillRead() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(cell: HomemadeCell.self)
        try model.save(to: folder("model"))
        let config = folder("model/config.json")
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: config))
        var members = try #require(object as? [String: Any])
        #expect(members.removeValue(forKey: "cellDigest") as? String == (try HomemadeCell.digest))
        try JSONSerialization.data(withJSONObject: members).write(to: config)
        // As before digests, and as PyTorch: without a seal on the files.
        try Safetensors.encode(model.parameters).write(to: folder("model/model.safetensors"))
        let read = try LanguageModel(contentsOf: folder("model"), cells: [HomemadeCell.self])
        #expect(read.parameters == model.parameters)
        try read.save(to: folder("model"))
        #expect(
            try LanguageModel(contentsOf: folder("model"), cells: [HomemadeCell.self]).parameters
                == model.parameters)
    }

    // MARK: Names

    @Test func namesOfBuiltInCellsAreTaken() throws {
        let error = ModelError.cellNameTaken("tanh", isBuiltIn: true)
        #expect(error.description.contains("built-in cell 'tanh'"))
        #expect(throws: error) { try LanguageModel.sample(cell: Impostor.Cell.self) }
        let folder = try TemporaryFolder()
        try LanguageModel.sample().save(to: folder("model"))
        #expect(throws: error) { try LanguageModel(contentsOf: folder("model"), cells: [Impostor.Cell.self]) }
        // The built-in ones themselves may be passed.
        let read = try LanguageModel(
            contentsOf: folder("model"), cells: ModelConfiguration.builtInCells + [HomemadeCell.self])
        #expect(read.configuration.cell is TanhCell.Type)
    }

    @Test func namesOfOtherCellsAreTaken() throws {
        let error = ModelError.cellNameTaken("homemade", isBuiltIn: false)
        #expect(error.description.contains("two cells of this program have the name 'homemade'"))
        let folder = try TemporaryFolder()
        try LanguageModel.sample(cell: HomemadeCell.self).save(to: folder("model"))
        for second in [HomemadeCell.self, Scaled.Cell.self] as [any RecurrentCell.Type] {
            #expect(throws: error) {
                try LanguageModel(contentsOf: folder("model"), cells: [HomemadeCell.self, second])
            }
        }
    }
}

/// `HomemadeCell` with other names and under another.
private enum Renamed {
    enum Cell: RecurrentCell {
        static let name = "renamed"
        static let gates = ["first", "second"]
        static let states = ["output"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["output": sigmoid(gates.first) * tanh(gates.second)]
        }
    }
}

/// `HomemadeCell` in more words.
private enum Wordy {
    enum Cell: RecurrentCell {
        static let name = "homemade"
        static let gates = ["a", "b"]
        static let states = ["h"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            let (one, zero): (CellExpression, CellExpression) = (0.25 * 4, 0)
            let open = one * sigmoid(gates.a)
            return ["h": zero * previous.h + open * (tanh(gates.b) - 0)]
        }
    }
}

private enum Swapped {
    enum Cell: RecurrentCell {
        static let name = "homemade"
        static let gates = ["a", "b"]
        static let states = ["h"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": sigmoid(gates.b) * tanh(gates.a)]
        }
    }
}

private enum Scaled {
    enum Cell: RecurrentCell {
        static let name = "homemade"
        static let gates = ["a", "b"]
        static let states = ["h"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": 0.5 * (sigmoid(gates.a) * tanh(gates.b))]
        }
    }
}

private enum Halves {
    enum Cell: RecurrentCell {
        static let name = "homemade"
        static let gates = ["a", "b"]
        static let states = ["h"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": gates.input.b + 0.5 * gates.hidden.b + previous.h]
        }
    }
}

/// Another formula under the name of a built-in cell.
private enum Impostor {
    enum Cell: RecurrentCell {
        static let name = "tanh"
        static let gates = ["z"]
        static let states = ["h"]
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": 0.5 * tanh(gates.z)]
        }
    }
}
