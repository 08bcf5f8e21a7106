import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct ModelFolderTests {
    /// A folder with a saved model, named "model".
    private func savedModel(_ model: LanguageModel? = nil) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try (model ?? .sample()).save(to: folder("model"))
        return folder
    }

    private func replace(_ name: String, in folder: TemporaryFolder, by text: String) throws {
        try Data(text.utf8).write(to: folder("model/\(name)"))
    }

    // MARK: What is left of a kill

    @Test func savingTakesAwayWhatKilledWritersHaveLeftAndNothingElse() throws {
        let folder = try savedModel()
        let long = Date(timeIntervalSinceNow: -10)
        let abandoned = ".unroll-\(UUID().uuidString)"
        let young = ".unroll-\(UUID().uuidString)"
        let locked = ".unroll-\(UUID().uuidString)"
        let others = ".unroll-notes"
        for place in ["", "model/"] {
            for name in [abandoned, young, locked, others] {
                try folder.write("part", to: place + name)
                guard name != young else { continue }
                try FileManager.default.setAttributes(
                    [.modificationDate: long], ofItemAtPath: folder(place + name).path)
            }
        }
        let descriptors = ["", "model/"].map { open(folder($0 + locked).path, O_RDONLY) }
        defer { for descriptor in descriptors { close(descriptor) } }
        #expect(descriptors.allSatisfy { flock($0, LOCK_EX) == 0 })

        try LanguageModel.sample().save(to: folder("model"))
        #expect(try folder.names(in: "model") == modelFiles.union([young, locked, others]))
        try LanguageModel.sample().save(to: folder("another"))
        #expect(try folder.names() == ["model", "another", young, locked, others])
    }

    // MARK: The moment of training

    @Test func theMomentOfTrainingIsSavedWithTheParameters() throws {
        let folder = try TemporaryFolder()
        var model = try LanguageModel.sample()
        try model.save(to: folder("model"))
        #expect(try LanguageModel(contentsOf: folder("model")).moment == nil)
        let fingerprint = try model.fingerprint
        for moment in [
            TrainingMoment(epoch: 0, step: 0), TrainingMoment(epoch: 3, step: 120, validationPerplexity: 2.5),
        ] {
            model.moment = moment
            try model.save(to: folder("model"))
            let saved = try LanguageModel(contentsOf: folder("model"))
            #expect(saved.moment == moment && ModelFolder(folder("model")).moment == moment)
            #expect(try saved.fingerprint == fingerprint)
        }
        let file = folder("model/model.safetensors")
        let data = try Data(contentsOf: file)
        let text = String(decoding: data, as: UTF8.self)
        let place = try #require(text.range(of: #"\"step\":120"#)).lowerBound
        var changed = data
        changed[text.utf8.distance(from: text.startIndex, to: place) + 9] = UInt8(ascii: "9")
        try changed.write(to: file)
        #expect(throws: FileError.invalid(path: file.path, reason: "its metadata has been changed")) {
            try LanguageModel(contentsOf: folder("model"))
        }
        #expect(ModelFolder(folder("model")).moment == nil)
        // Half of a model is none.
        try data.dropLast().write(to: file)
        #expect(!ModelFolder(folder("model")).holdsModel)
    }

    // MARK: What is missing

    @Test func missingFoldersAndFilesAreNamed() throws {
        let folder = try savedModel()
        let nowhere = folder("nowhere")
        #expect(throws: FileError.notFound(path: nowhere.path)) {
            try LanguageModel(contentsOf: nowhere)
        }
        let file = folder("model/config.json")
        #expect(throws: ModelFolderError.notAFolder(path: file.path)) { try LanguageModel(contentsOf: file) }
        #expect(throws: ModelFolderError.notAModelFolder(path: folder.url.path)) {
            try LanguageModel(contentsOf: folder.url)
        }
        for (name, error) in [
            (
                "model.safetensors",
                ModelFolderError.parametersMissing(path: folder("model/model.safetensors").path)
            ),
            ("vocabulary.json", .fileMissing(path: folder("model/vocabulary.json").path)),
            ("config.json", .notAModelFolder(path: folder("model").path)),
        ] {
            try FileManager.default.removeItem(at: folder("model/\(name)"))
            #expect(throws: error) { try LanguageModel(contentsOf: folder("model")) }
        }
    }

    @Test(arguments: modelFiles)
    func aFolderInPlaceOfAFileIsNamed(name: String) throws {
        let folder = try savedModel()
        try FileManager.default.removeItem(at: folder("model/\(name)"))
        try FileManager.default.createDirectory(
            at: folder("model/\(name)"), withIntermediateDirectories: false)
        expectError(naming: folder("model/\(name)").path, "cannot be read (Is a directory)") {
            _ = try LanguageModel(contentsOf: folder("model"))
        }
    }

    // MARK: What is damaged

    @Test(arguments: modelFiles)
    func everyTruncationIsNoticed(name: String) throws {
        let folder = try savedModel()
        let file = folder("model/\(name)")
        let whole = try Data(contentsOf: file)
        for length in 0..<whole.count {
            try whole.prefix(length).write(to: file)
            expectError(naming: file.path) { _ = try LanguageModel(contentsOf: folder("model")) }
        }
    }

    @Test(arguments: modelFiles)
    func everyFlippedBitIsNoticed(name: String) throws {
        try expectFlippedBitsAreNoticed(in: name, of: .sample(text: "abc", hiddenSize: 2))
    }

    @Test func everyFlippedBitOfALargerConfigurationIsNoticed() throws {
        try expectFlippedBitsAreNoticed(
            in: "config.json",
            of: .sample(text: "abc", hiddenSize: 2, layers: 2, embedding: 2, isTied: true))
    }

    private func expectFlippedBitsAreNoticed(in name: String, of model: LanguageModel) throws {
        let folder = try savedModel(model)
        let file = folder("model/\(name)")
        let whole = try Data(contentsOf: file)
        for index in whole.indices {
            for bit in 0..<8 {
                var flipped = whole
                flipped[index] ^= 1 << bit
                try flipped.write(to: file)
                expectError(naming: name) { _ = try LanguageModel(contentsOf: folder("model")) }
            }
        }
    }

    @Test func wrongConfigurationsAreExplained() throws {
        let folder = try savedModel()
        let path = folder("model/config.json").path
        let whole = try String(contentsOf: folder("model/config.json"), encoding: .utf8)
        for (text, reason) in [
            ("", "not a configuration that Unroll has written"),
            ("[]", "not a configuration that Unroll has written"),
            (#"{"format":"other","version":1}"#, "not a configuration that Unroll has written"),
            (#"{"format":"unroll-model","version":2}"#, "version 2 was written by a newer Unroll; update"),
            (#"{"format":"unroll-model","version":0}"#, "there is no version 0 of this format"),
            (whole.replacing(#""cell" : "tanh","#, with: ""), "'cell' is missing"),
            (whole.replacing(#""hiddenSize" : 5"#, with: #""hiddenSize" : 1.5"#), "a number does not fit"),
            (whole.replacing(#""hiddenSize" : 5"#, with: #""hiddenSize" : 1e300"#), "a number does not fit"),
            (whole.replacing(#""tanh""#, with: #""gru?""#), "the cell 'gru?' is unknown"),
            (
                whole.replacing(#""hiddenSize" : 5"#, with: #""hiddenSize" : 0"#),
                "hiddenSize is 0 but must be"
            ),
            (
                whole.replacing(#""hiddenSize" : 5"#, with: #""hiddenSize" : -5"#),
                "hiddenSize is -5 but must be"
            ),
            (
                whole.replacing(#""hiddenSize" : 5"#, with: #""hiddenSize" : 9223372036854775807"#),
                "hiddenSize is 9223372036854775807 but must be"
            ),
            (whole.replacing(#""layerCount" : 1"#, with: #""layerCount" : 0"#), "layerCount is 0"),
            (whole.replacing(#""layerCount" : 1"#, with: #""layerCount" : "two""#), "'layerCount'"),
            (
                whole.replacing(#""embeddingSize" : null"#, with: #""embeddingSize" : -1"#),
                "embeddingSize is -1"
            ),
            (
                whole.replacing(#""embeddingSize" : null"#, with: #""embeddingSize" : 4"#)
                    .replacing(#""tiesWeights" : false"#, with: #""tiesWeights" : true"#),
                "tiesWeights needs embeddingSize to be 5"
            ),
        ] {
            try replace("config.json", in: folder, by: text)
            expectError(naming: path, reason) { _ = try LanguageModel(contentsOf: folder("model")) }
        }
    }

    @Test func wrongVocabulariesAreExplained() throws {
        let folder = try savedModel()
        let path = folder("model/vocabulary.json").path
        let whole = try String(contentsOf: folder("model/vocabulary.json"), encoding: .utf8)
        for (text, reason) in [
            ("{}", "restore the file"),
            (
                whole.replacing(#""version":1"#, with: #""version":3"#),
                "version 3 was written by a newer Unroll"
            ),
            (whole.replacing(#""version":1"#, with: #""version":0"#), "not a vocabulary"),
            (whole.replacing("<unk>", with: "<pad>"), "token 0"),
        ] {
            try replace("vocabulary.json", in: folder, by: text)
            expectError(naming: path, reason) { _ = try LanguageModel(contentsOf: folder("model")) }
        }
    }

    @Test func wrongShapesAreExplained() throws {
        let folder = try savedModel()
        let path = folder("model/model.safetensors").path
        let other = try LanguageModel.sample(hiddenSize: 6).parameters
        try Safetensors.encode(other).write(to: folder("model/model.safetensors"))
        expectError(
            naming: path, "'rnn.weight_ih_l0' has the shape [6", "take all files from one model"
        ) {
            _ = try LanguageModel(contentsOf: folder("model"))
        }
    }

    // MARK: What does not belong together

    @Test func filesOfTwoModelsAreNoticed() throws {
        let folder = try savedModel()
        for (other, name) in [
            (try LanguageModel.sample(hiddenSize: 6), "config.json"),
            // As many characters, in another order.
            (try LanguageModel.sample(text: "thz timz machinz"), "vocabulary.json"),
        ] {
            for file in [name, "model.safetensors"] {
                let otherFolder = try savedModel(other)
                try Data(contentsOf: folder("model/\(file)")).write(to: otherFolder("model/\(file)"))
                #expect(throws: ModelFolderError.mixedModels(path: otherFolder("model/\(name)").path)) {
                    try LanguageModel(contentsOf: otherFolder("model"))
                }
            }
        }
    }

    // MARK: Checkpoints

    @Test func additionalFilesAppearWithTheModel() throws {
        let folder = try TemporaryFolder()
        let checkpoint = ModelFolder(folder("model"))
        for epoch in ["1", "2"] {
            try checkpoint.save(.sample(), with: ["training.json": Data(epoch.utf8)])
            #expect(try checkpoint.contents(of: "training.json") == Data(epoch.utf8))
            #expect(try folder.names(in: "model") == modelFiles.union(["training.json"]))
        }
        #expect(try checkpoint.contents(of: "nothing") == nil)
        #expect(checkpoint.url(of: "training.json").path == folder("model/training.json").path)
    }

    @Test func tensorFilesNoticeDamage() throws {
        let tensors = ModelParameters([.init(name: "momentum", shape: [2], values: [1, 2])])
        var file = try TensorFile.encode(tensors, metadata: ["step": "7"])
        let (read, metadata) = try TensorFile.decode(file, path: "training.safetensors")
        #expect(read == tensors && metadata["step"] == "7")
        file[file.count - 1] ^= 1
        expectError(naming: "training.safetensors", "its tensors are not those that were saved") {
            _ = try TensorFile.decode(file, path: "training.safetensors")
        }
    }

    @Test func checksumsAreThoseOfTheStandard() {
        #expect(
            Checksum.sha256(Data("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
