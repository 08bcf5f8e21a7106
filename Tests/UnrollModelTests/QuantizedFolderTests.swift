import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Models of eight bits in their folders.
@Suite struct QuantizedFolderTests {
    private func matrix(_ values: [Float], rows: Int) throws -> QuantizedMatrix {
        try QuantizedMatrix(
            quantizing: .init(name: "w", shape: [rows, values.count / rows], values: values))
    }

    @Test func rowsAreRoundedToTheNearestNumber() throws {
        let quantized = try matrix([127, -127, 63.5, 64.5, 0.49, -0.51, 0, 0, 0, 1, -1, 0], rows: 2)
        #expect(quantized.scales == [1, Float(bitPattern: Float(1 / 127.0).bitPattern / 128 * 128 + 128)])
        #expect(quantized.numbers == [127, -127, 64, 64, 0, -1, 0, 0, 0, 127, -127, 0])
        #expect(abs(quantized.entry.values[9] - 1) < 1e-4)
    }

    /// Numbers of every size, also those that are almost too small or too large.
    @Test func roundingTwiceChangesNothing() throws {
        var source = RandomSource(seed: 1, purpose: .initialization)
        for exponent in -150...127 {
            for _ in 0..<20 {
                let factor = Float(sign: .plus, exponent: exponent, significand: 1)
                let once = try matrix((0..<12).map { _ in Float(2 * source.uniform() - 1) * factor }, rows: 3)
                #expect(try QuantizedMatrix(quantizing: once.entry) == once)
                for (row, scale) in once.scales.enumerated() where scale > 0 {
                    #expect(once.numbers[row * 4..<row * 4 + 4].map { abs(Int($0)) }.max() == 127)
                }
            }
        }
        #expect(try matrix([.greatestFiniteMagnitude, -1], rows: 1).numbers == [127, 0])
        #expect(try matrix([.leastNormalMagnitude, 0], rows: 1).scales == [0])
        #expect(throws: ModelError.nonFinite("w")) { try matrix([1, .nan], rows: 1) }
    }

    @Test(arguments: [false, true]) func aFolderGivesBackTheModel(isTied: Bool) throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(
            hiddenSize: 64, cell: LSTMCell.self, layers: 2, embedding: 64, isTied: isTied,
            ngrams: NGramConfiguration(order: 3))
        let quantized = try model.quantized()
        try model.save(to: folder("float"))
        try quantized.save(to: folder("int8"))
        let read = try LanguageModel(contentsOf: folder("int8"))
        #expect(read.weightFormat == .int8 && read.configuration.layerCount == 2)
        #expect(read.ngrams?.order == 3)
        for entry in quantized.parameters.entries { #expect(read.parameters[entry.name] == entry) }
        #expect(try read.fingerprint == quantized.fingerprint)
        #expect(try read.fingerprint != model.fingerprint)
        // The same weights, computed in float32, are another model.
        let rounded = try LanguageModel(
            configuration: model.configuration, vocabulary: model.vocabulary,
            parameters: quantized.parameters, ngrams: model.ngrams)
        #expect(try read.fingerprint != rounded.fingerprint)
        #expect(try read.quantized().fingerprint == read.fingerprint)

        let sizes = try ["float", "int8"].map {
            try Data(contentsOf: folder("\($0)/model.safetensors")).count
        }
        #expect(Double(sizes[1]) / Double(sizes[0]) < 0.29)
        // Neither takes the other's place.
        #expect(throws: ModelFolderError.holdsAnotherModel(path: folder("int8").path)) {
            try model.save(to: folder("int8"))
        }
        try quantized.save(to: folder("int8"))
        #expect(try LanguageModel(contentsOf: folder("int8")).fingerprint == quantized.fingerprint)
    }

    @Test func aConfigurationSaysThatWeightsHaveEightBits() throws {
        let folder = try TemporaryFolder()
        try LanguageModel.sample().quantized().save(to: folder("model"))
        let file = folder("model/config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text.contains("\"weightFormat\" : \"int8\""))
        try LanguageModel.sample().save(to: folder("plain"))
        #expect(
            try !String(contentsOf: folder("plain/config.json"), encoding: .utf8).contains("weightFormat"))
        for (format, reason) in [("int4", "int4"), ("float32", "other model")] {
            try Data(text.replacing("int8", with: format).utf8).write(to: file)
            #expect(throws: (any Error).self, "\(reason)") { try LanguageModel(contentsOf: folder("model")) }
        }
    }

    /// A file whose numbers are scaled in another way would be computed with other numbers.
    @Test func onlyNumbersThatQuantizingGivesAreRead() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample().quantized()
        try model.save(to: folder("model"))
        let file = folder("model/model.safetensors")
        let parameters = try QuantizedParameters(model.parameters)
        func write(_ parameters: QuantizedParameters) throws {
            try parameters.file(metadata: [:]).write(to: file)
        }
        try write(parameters)
        #expect(try LanguageModel(contentsOf: folder("model")).fingerprint == model.fingerprint)
        func changed(
            numbers: ([Int8]) -> [Int8] = { $0 }, scales: ([Float]) -> [Float] = { $0 }
        ) -> QuantizedParameters {
            let first = parameters.matrices[0]
            let matrix = QuantizedMatrix(
                name: first.name, shape: first.shape, numbers: numbers(first.numbers),
                scales: scales(first.scales))
            return QuantizedParameters(
                vectors: parameters.vectors, matrices: [matrix] + parameters.matrices.dropFirst())
        }
        let broken = [
            // A number that no row has, and a row without its greatest.
            changed(numbers: { $0.map { $0 == 127 ? -128 : $0 } }),
            changed(numbers: { $0.map { $0 / 2 } }),
            // Scales of more bits, of the wrong sign, and none at all.
            changed(scales: { $0.map(\.nextUp) }),
            changed(scales: { $0.map(-) }),
            changed(scales: { $0.map { _ in .infinity } }),
            changed(scales: { $0.map { _ in .nan } }),
            changed(scales: { Array($0.dropLast()) }),
            // Floats where numbers belong, and scales that belong to nothing.
            QuantizedParameters(
                vectors: parameters.vectors + [parameters.matrices[0].entry],
                matrices: Array(parameters.matrices.dropFirst())),
            QuantizedParameters(
                vectors: parameters.vectors + [.init(name: "x.scale", shape: [1], values: [1])],
                matrices: parameters.matrices),
        ]
        for parameters in broken {
            try write(parameters)
            expectError(naming: file.path) { _ = try LanguageModel(contentsOf: folder("model")) }
        }
        // In a model of float32 there are none.
        try LanguageModel.sample().save(to: folder("plain"))
        try write(parameters)
        try FileManager.default.removeItem(at: folder("plain/model.safetensors"))
        try FileManager.default.copyItem(at: file, to: folder("plain/model.safetensors"))
        expectError(naming: "type I8") { _ = try LanguageModel(contentsOf: folder("plain")) }
    }
}
