import Foundation
import Synchronization
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct LanguageModelTests {
    // MARK: Round trip

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func comesBackAsItWas(kind: TokenKind, preprocessing: Preprocessing) throws {
        let folder = try TemporaryFolder()
        let text = "Zürich, \"naïve\" \\ \u{1} \u{FEFF}end\n\u{2028} 😀 the"
        let vocabulary = try Corpus(text: text, preprocessing: preprocessing, tokens: kind).vocabulary
        let configuration = ModelConfiguration(cell: ReLUCell.self, hiddenSize: 7)
        let parameters = try ModelParameters(
            for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 3)
        let model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters)
        try model.save(to: folder("model"))
        let read = try LanguageModel(contentsOf: folder("model"))
        #expect(read.vocabulary == vocabulary)
        #expect(read.parameters == parameters)
        #expect(read.configuration.cell is ReLUCell.Type)
        #expect(read.configuration.hiddenSize == 7)
        #expect(try folder.names() == ["model"])
        #expect(try folder.names(in: "model") == modelFiles)
    }

    static let stacks: [(layers: Int, embedding: Int?, isTied: Bool)] = [
        (3, nil, false), (1, 4, false), (2, 4, false), (1, 5, true), (2, 5, true),
    ]

    @Test(arguments: stacks)
    func severalLayersAndEmbeddingsComeBack(layers: Int, embedding: Int?, isTied: Bool) throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(layers: layers, embedding: embedding, isTied: isTied)
        try model.save(to: folder("model"))
        try model.save(to: folder("model"))
        let read = try LanguageModel(contentsOf: folder("model"))
        #expect(read.parameters == model.parameters)
        #expect(read.configuration.layerCount == layers)
        #expect(read.configuration.embeddingSize == embedding)
        #expect(read.configuration.tiesWeights == isTied)
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder("model/config.json")))
        let expected: [String: Any] = [
            "format": "unroll-model", "version": 1, "cell": "tanh", "hiddenSize": 5, "layerCount": layers,
            "embeddingSize": embedding.map { $0 as Any } ?? NSNull(), "tiesWeights": isTied,
            "hasSingleBias": false, "zoneout": ["output": 0, "memory": 0],
        ]
        #expect(json as? NSDictionary == expected as NSDictionary)
    }

    @Test func aSingleBiasComesBack() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(hasSingleBias: true)
        #expect(model.parameters["rnn.bias_hh_l0"]?.values.allSatisfy { $0 == 0 } == true)
        #expect(model.parameters["rnn.bias_ih_l0"]?.values.contains { $0 != 0 } == true)
        try model.save(to: folder("model"))
        #expect(try LanguageModel(contentsOf: folder("model")).configuration.hasSingleBias)
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder("model/config.json")))
        #expect(
            json as? NSDictionary == [
                "format": "unroll-model", "version": 1, "cell": "tanh", "hiddenSize": 5, "layerCount": 1,
                "embeddingSize": NSNull(), "tiesWeights": false, "hasSingleBias": true,
                "zoneout": ["output": 0, "memory": 0],
            ])
    }

    @Test func zoneoutComesBack() throws {
        let folder = try TemporaryFolder()
        let zoneout = Zoneout(output: 0.125, memory: 0.5)
        let model = try LanguageModel.sample(zoneout: zoneout)
        try model.save(to: folder("model"))
        #expect(try LanguageModel(contentsOf: folder("model")).configuration.zoneout == zoneout)
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder("model/config.json")))
        let written = try #require(json as? NSDictionary)
        #expect(written["version"] as? Int == 1)
        #expect(written["zoneout"] as? NSDictionary == ["output": 0.125, "memory": 0.5])
    }

    @Test func nGramsComeBack() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(ngrams: NGramConfiguration(order: 3, weight: 0.25))
        try model.save(to: folder("model"))
        // A second time, over the first.
        try model.save(to: folder("model"))
        let read = try LanguageModel(contentsOf: folder("model"))
        #expect(read.configuration.ngrams == NGramConfiguration(order: 3, weight: 0.25))
        #expect(read.ngrams == model.ngrams && read.ngrams?.order == 3)
        #expect(try read.fingerprint == model.fingerprint)
        let other = try LanguageModel.sample(ngrams: NGramConfiguration(order: 3, weight: 0.5))
        #expect(try other.fingerprint != model.fingerprint)
        #expect(throws: ModelFolderError.holdsAnotherModel(path: folder("model").path)) {
            try other.save(to: folder("model"))
        }
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder("model/config.json")))
        #expect((json as? NSDictionary)?["ngrams"] as? NSDictionary == ["order": 3, "weight": 0.25])
        #expect(ModelFolder(folder("model")).names.contains("ngrams.bin"))
    }

    @Test func nGramsOfAnotherModelAreNoticed() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(ngrams: NGramConfiguration(order: 3))
        try model.save(to: folder("model"))
        let file = folder("model/ngrams.bin")
        let data = try Data(contentsOf: file)
        try data.dropLast().write(to: file)
        #expect(throws: ModelFolderError.mixedModels(path: file.path)) {
            try LanguageModel(contentsOf: folder("model"))
        }
        #expect(throws: ModelFolderError.holdsAnotherModel(path: folder("model").path)) {
            try model.save(to: folder("model"))
        }
        try FileManager.default.removeItem(at: file)
        #expect(throws: ModelFolderError.fileMissing(path: file.path)) {
            try LanguageModel(contentsOf: folder("model"))
        }
        // Parameters from elsewhere have no seal.
        try Safetensors.encode(model.parameters, metadata: [:]).write(to: folder("model/model.safetensors"))
        try data.dropLast().write(to: file)
        #expect(throws: FileError.self) { try LanguageModel(contentsOf: folder("model")) }
        try data.write(to: file)
        #expect(try LanguageModel(contentsOf: folder("model")).ngrams == model.ngrams)
    }

    @Test func nGramsMustFit() throws {
        let model = try LanguageModel.sample(ngrams: NGramConfiguration(order: 3))
        let plain = try LanguageModel.sample()
        for (configuration, ngrams, error) in [
            (model.configuration, nil, ModelError.otherNGrams(expected: 3, actual: nil)),
            (plain.configuration, model.ngrams, .otherNGrams(expected: nil, actual: 3)),
            (
                model.configuration, try NGramModel(of: TokenIDs([1, 2]), vocabularySize: 3, order: 3),
                .otherNGrams(expected: 3, actual: 3)
            ),
        ] {
            #expect(throws: error) {
                try LanguageModel(
                    configuration: configuration, vocabulary: model.vocabulary,
                    parameters: model.parameters, ngrams: ngrams)
            }
            #expect(!error.description.contains("\n"))
        }
        for weight in [0, 1, -0.1, .nan] {
            var configuration = model.configuration
            configuration.ngrams?.weight = weight
            #expect(throws: ParameterError.self) { try configuration.check() }
        }
    }

    @Test func theSameModelMakesTheSameFiles() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample().save(to: folder("a"))
        try LanguageModel.sample().save(to: folder("b"))
        for name in modelFiles {
            #expect(try Data(contentsOf: folder("a/\(name)")) == Data(contentsOf: folder("b/\(name)")))
        }
    }

    @Test func theConfigurationIsReadable() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample().save(to: folder("model"))
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder("model/config.json")))
        #expect(
            json as? NSDictionary == [
                "format": "unroll-model", "version": 1, "cell": "tanh", "hiddenSize": 5, "layerCount": 1,
                "embeddingSize": NSNull(), "tiesWeights": false, "hasSingleBias": false,
                "zoneout": ["output": 0, "memory": 0],
            ])
    }

    @Test func onesOwnCellIsPassedToTheReader() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample(cell: HomemadeCell.self).save(to: folder("model"))
        let read = try LanguageModel(contentsOf: folder("model"), cells: [HomemadeCell.self])
        #expect(read.configuration.cell is HomemadeCell.Type)
        let error = ModelFolderError.unknownCell(
            path: folder("model/config.json").path, name: "homemade",
            known: ModelConfiguration.builtInCells.map { $0.name })
        #expect(throws: error) { try LanguageModel(contentsOf: folder("model")) }
        #expect(
            error.description.contains("'homemade' is unknown (known: tanh, relu, lstm, gru); pass its type"))
    }

    @Test(arguments: [[:], ["format": "pt"]])
    func parametersMayComeFromPyTorch(metadata: [String: String]) throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample()
        try model.save(to: folder("model"))
        var foreign = try LanguageModel.sample(seed: 2).parameters
        foreign.entries.reverse()
        try Safetensors.encode(foreign, metadata: metadata).write(to: folder("model/model.safetensors"))
        #expect(try LanguageModel(contentsOf: folder("model")).parameters == foreign)
    }

    // MARK: Putting together

    @Test func partsMustFit() throws {
        let model = try LanguageModel.sample()
        let other = try Corpus(text: "abc").vocabulary
        #expect(
            throws: ModelError.shapeMismatch(
                name: "decoder.bias", expected: [other.count], actual: [model.vocabulary.count])
        ) {
            try LanguageModel(
                configuration: model.configuration, vocabulary: other, parameters: model.parameters)
        }
        #expect(throws: ModelError.missingTensor("decoder.bias")) {
            try LanguageModel(
                configuration: model.configuration, vocabulary: model.vocabulary,
                parameters: ModelParameters())
        }
    }

    // MARK: Saving over something

    @Test func anotherStateOfTheSameModelReplacesTheParametersAlone() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample(seed: 1).save(to: folder("model"))
        try Data("{}\n".utf8).write(to: folder("model/metrics.jsonl"))
        // The same JSON in other words, as another version of Foundation might write it.
        let configuration = """
            {"hiddenSize":5,"format":"unroll-model","cell":"tanh","version":1,"layerCount":1,"embeddingSize":null,
            "tiesWeights":false,"hasSingleBias":false,"zoneout":{"memory":0,"output":0}}
            """
        try Data(configuration.utf8).write(to: folder("model/config.json"))
        let later = try LanguageModel.sample(seed: 2)
        try later.save(to: folder("model"))
        #expect(try LanguageModel(contentsOf: folder("model")).parameters == later.parameters)
        #expect(try folder.names(in: "model") == modelFiles.union(["metrics.jsonl"]))
        #expect(try Data(contentsOf: folder("model/config.json")) == Data(configuration.utf8))
    }

    @Test func anotherModelIsKept() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample()
        try model.save(to: folder("model"))
        let others = [
            try LanguageModel.sample(text: "eht time machinE"), try .sample(hiddenSize: 6),
            try .sample(cell: ReLUCell.self), try .sample(text: "other"), try .sample(layers: 2),
            try .sample(embedding: 5), try .sample(embedding: 5, isTied: true),
        ]
        for other in others {
            #expect(throws: ModelFolderError.holdsAnotherModel(path: folder("model").path)) {
                try other.save(to: folder("model"))
            }
        }
        #expect(try LanguageModel(contentsOf: folder("model")).parameters == model.parameters)
        #expect(try folder.names(in: "model") == modelFiles)
    }

    @Test func parametersThatNothingDescribesAreKept() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder("model"), withIntermediateDirectories: false)
        try Data("precious".utf8).write(to: folder("model/model.safetensors"))
        expectError(naming: folder("model").path, "choose another folder") {
            try LanguageModel.sample().save(to: folder("model"))
        }
        #expect(try Data(contentsOf: folder("model/model.safetensors")) == Data("precious".utf8))
        #expect(try folder.names(in: "model") == ["model.safetensors"])
    }

    @Test func anEmptyFolderAndOneWithOtherFilesAreFine() throws {
        let folder = try TemporaryFolder()
        for (name, files) in [("empty", []), ("mounted", ["lost+found", "notes.txt"])] {
            try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: false)
            for file in files { try Data().write(to: folder("\(name)/\(file)")) }
            let model = try LanguageModel.sample()
            try model.save(to: folder(name))
            #expect(try LanguageModel(contentsOf: folder(name)).parameters == model.parameters)
            #expect(try folder.names(in: name) == modelFiles.union(files))
        }
    }

    @Test(arguments: [["vocabulary.json"], ["vocabulary.json", "config.json"]])
    func anInterruptedSaveIsTakenUp(files: [String]) throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample()
        try model.save(to: folder("model"))
        for name in modelFiles.subtracting(files) {
            try FileManager.default.removeItem(at: folder("model/\(name)"))
        }
        try model.save(to: folder("model"))
        #expect(try LanguageModel(contentsOf: folder("model")).parameters == model.parameters)
    }

    @Test func foldersInBetweenAreMade() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample().save(to: folder("runs/today/model"))
        #expect(try folder.names(in: "runs/today") == ["model"])
        #expect(throws: Never.self) { try LanguageModel(contentsOf: folder("runs/today/model")) }
    }

    // MARK: Saves that fail

    @Test func aFileInTheWayIsKept() throws {
        let folder = try TemporaryFolder()
        try Data("kept".utf8).write(to: folder("file"))
        let model = try LanguageModel.sample()
        #expect(throws: ModelFolderError.notAFolder(path: folder("file").path)) {
            try model.save(to: folder("file"))
        }
        expectError(naming: folder("file/model").path, "Not a directory") {
            try model.save(to: folder("file/model"))
        }
        #expect(try folder.names() == ["file"])
        #expect(try Data(contentsOf: folder("file")) == Data("kept".utf8))
    }

    @Test func aFailedSaveLeavesNoTraces() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample()
        try model.save(to: folder("model"))
        try FileManager.default.removeItem(at: folder("model/model.safetensors"))
        try FileManager.default.createDirectory(
            at: folder("model/model.safetensors/x"), withIntermediateDirectories: true)
        expectError(naming: folder("model/model.safetensors").path, "irectory") {
            try model.save(to: folder("model"))
        }
        #expect(try folder.names(in: "model") == modelFiles)
        // A name longer than any file's fails when everything has been written and only the new name is missing.
        let name = String(repeating: "n", count: 300)
        expectError(naming: name, "File name too long") { try model.save(to: folder(name)) }
        #expect(try folder.names() == ["model"])
    }

    #if os(Linux)
        @Test(arguments: ["/proc/unroll", "/proc/unroll/model", "/dev/null/model"])
        func aPlaceThatTakesNoFilesIsNamed(path: String) throws {
            let model = try LanguageModel.sample()
            expectError(naming: path, "cannot be written") {
                try model.save(to: URL(fileURLWithPath: path))
            }
        }
    #endif

    @Test func readersSeeOneStateOrAnother() async throws {
        let folder = try TemporaryFolder()
        let url = folder("model")
        let states = try (1...20).map { try LanguageModel.sample(seed: $0) }
        try states[0].save(to: url)
        let isFinished = Mutex(false)
        let writer = Task.detached {
            defer { isFinished.withLock { $0 = true } }
            for state in states { try state.save(to: url) }
        }
        var last = 0
        while !isFinished.withLock({ $0 }) {
            let read = try LanguageModel(contentsOf: url)
            let index = try #require(states.firstIndex { $0.parameters == read.parameters })
            #expect(index >= last)
            last = index
            await Task.yield()
        }
        try await writer.value
    }

    /// Set UNROLL_SMALL_DISK to a folder on a file system with less than 16 MB of room.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["UNROLL_SMALL_DISK"] != nil))
    func aFullDiskLeavesNoPartOfAModel() throws {
        let disk = URL(fileURLWithPath: ProcessInfo.processInfo.environment["UNROLL_SMALL_DISK"] ?? "")
        let model = disk.appendingPathComponent("model-\(UUID().uuidString)")
        expectError(naming: model.path, "no space left") {
            try LanguageModel.sample(hiddenSize: 2000).save(to: model)
        }
        #expect(!FileManager.default.fileExists(atPath: model.path))
    }
}
