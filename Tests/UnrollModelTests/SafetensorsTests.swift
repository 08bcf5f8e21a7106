import Foundation
import Testing
import UnrollBase
import UnrollModel

@Suite struct SafetensorsTests {
    /// A file written by the Python package; see Tools/oracles/safetensors_fixtures.py.
    private func fixture(_ name: String) throws -> Data {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Fixtures"))
        return try Data(contentsOf: url)
    }

    /// A file with the given header and data, however wrong.
    private func file(_ header: String, data: Int = 0) -> Data {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
            + Data(count: data)
    }

    private func tensor(_ type: String, _ shape: String, _ offsets: String) -> String {
        #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
    }

    private let sample = ModelParameters([
        .init(name: "b", shape: [2, 3], values: [1, -2, 3.5, .infinity, -0.0, .leastNonzeroMagnitude]),
        .init(name: "a \"quoted\" \u{1} é", shape: [], values: [7]),
        .init(name: "empty", shape: [0, 4], values: []),
    ])

    // MARK: Reading what Python wrote

    @Test(arguments: ["f32", "f64", "f16", "bf16"])
    func readsEveryElementType(name: String) throws {
        let (tensors, metadata) = try Safetensors.decode(fixture(name))
        #expect(metadata.isEmpty)
        #expect(tensors.entries.map(\.name) == ["exact"])
        #expect(tensors["exact"]?.shape == [2, 3])
        #expect(tensors["exact"]?.values == [0, -0.0, 1, -1.5, 0.09375, 208])
        #expect(tensors["exact"]?.values[1].sign == .minus)
    }

    @Test func readsTheCornersOfHalfPrecision() throws {
        let (tensors, _) = try Safetensors.decode(fixture("f16-corners"))
        #expect(
            tensors["corners"]?.values
                == [0x1p-24, 1023 * 0x1p-24, 0x1p-14, 65504, .infinity, -.infinity])
    }

    @Test func readsMetadataScalarsAndEmptyTensorsInTheOrderOfTheFile() throws {
        let (tensors, metadata) = try Safetensors.decode(fixture("mixed"))
        #expect(metadata == ["format": "pt", "note": "quotes \" backslash \\ newline \n and é"])
        #expect(
            tensors
                == ModelParameters([
                    .init(name: "embedding.weight", shape: [2, 3], values: [0, 1, 2, 3, 4, 5]),
                    .init(name: "empty", shape: [0, 5], values: []),
                    .init(name: "scalar", shape: [], values: [3.25]),
                    .init(name: "half", shape: [1], values: [0.5]),
                ]))
    }

    @Test func namesTheTypesThatItReads() throws {
        let data = try fixture("i64")
        let error = #expect(throws: ModelError.self) { try Safetensors.decode(data) }
        #expect(
            error?.description.contains("'tokens' has elements of type I64; convert them to one of F32, F64")
                == true)
    }

    // MARK: Writing

    @Test func readsWhatItWrites() throws {
        let metadata = ["format": "test", "z": "1\n\"2\"", "a": ""]
        let data = try Safetensors.encode(sample, metadata: metadata)
        let decoded = try Safetensors.decode(data)
        #expect(decoded.tensors == sample)
        #expect(decoded.metadata == metadata)
        #expect(try Safetensors.encode(sample, metadata: metadata) == data)
        #expect(try Safetensors.dataSection(ofFile: data) == Safetensors.dataSection(of: sample))
    }

    @Test func readsASliceOfALargerBuffer() throws {
        let data = Data([1, 2, 3]) + (try Safetensors.encode(sample))
        #expect(try Safetensors.decode(data.dropFirst(3)).tensors == sample)
    }

    @Test func writesTheBytesThatTheFormatDemands() throws {
        let data = try Safetensors.encode(
            ModelParameters([.init(name: "w", shape: [1, 2], values: [1, -2])]), metadata: ["k": "v"])
        let header =
            #"{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"# + "       "
        #expect(data == file(header) + Data([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]))
        #expect((data.count - 8) % 8 == 0)
    }

    @Test func writesNoTensorsAtAll() throws {
        let decoded = try Safetensors.decode(Safetensors.encode(ModelParameters()))
        #expect(decoded.tensors.entries.isEmpty && decoded.metadata.isEmpty)
    }

    @Test func refusesTensorsThatMakeNoFile() {
        let entry = ModelParameters.Entry(name: "w", shape: [2], values: [1, 2])
        #expect(throws: ModelError.duplicateTensor("w")) {
            try Safetensors.encode(ModelParameters([entry, entry]))
        }
        #expect(throws: ModelError.shapeMismatch(name: "w", expected: [3], actual: [2])) {
            try Safetensors.encode(ModelParameters([.init(name: "w", shape: [3], values: [1, 2])]))
        }
        #expect(throws: ModelError.shapeMismatch(name: "w", expected: [-1, -2], actual: [2])) {
            try Safetensors.encode(ModelParameters([.init(name: "w", shape: [-1, -2], values: [1, 2])]))
        }
        #expect(throws: ModelError.unexpectedTensor("__metadata__")) {
            try Safetensors.encode(ModelParameters([.init(name: "__metadata__", shape: [], values: [1])]))
        }
    }

    // MARK: Refusing

    @Test func refusesWrongHeaders() {
        let whole = tensor("F32", "[2]", "[0,8]")
        let wrong: [(data: Data, reason: String)] = [
            (Data(), "it has 0 bytes"),
            (Data([1, 0, 0]), "it has 3 bytes"),
            (Data(repeating: 0xFF, count: 16), "past any reason"),
            (Data([0, 0, 0, 6, 0, 0, 0, 0, 0x7B]), "past any reason"),
            (Data([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D]), "its header has 3 bytes"),
            (file(""), "a brace"),
            (file("  {}"), "a brace"),
            (file("[]"), "a brace"),
            (file("{"), "JSON"),
            (file("{} {}"), "JSON"),
            (file("{}\0"), "JSON"),
            (file(#"{"w":3}"#), "JSON"),
            (file(#"{"w":{"dtype":"F32","shape":[2]}}"#, data: 8), "JSON"),
            (file(#"{"__metadata__":{"k":1}}"#), "JSON"),
            (file(#"{"w":\#(tensor("F32", "[2.5]", "[0,8]"))}"#, data: 8), "JSON"),
            (file(#"{"w":\#(tensor("F32", "[99999999999999999999]", "[0,8]"))}"#, data: 8), "JSON"),
            (file(#"{"w":\#(tensor("F8_E4M3", "[2]", "[0,2]"))}"#, data: 2), "type F8_E4M3"),
            (file(#"{"w":\#(tensor("F32", "[-2]", "[0,8]"))}"#, data: 8), "the shape [-2]"),
            (file(#"{"w":\#(tensor("F32", "[4294967296,4294967296]", "[0,8]"))}"#, data: 8), "cannot have"),
            (file(#"{"w":\#(tensor("F64", "[4611686018427387904]", "[0,0]"))}"#), "do not make"),
            (file(#"{"w":\#(tensor("F32", "[3]", "[0,8]"))}"#, data: 8), "which 8 bytes do not make"),
            (file(#"{"w":\#(tensor("F32", "[2]", "[0,8,8]"))}"#, data: 8), "the offsets"),
            (file(#"{"w":\#(tensor("F32", "[2]", "[8,0]"))}"#, data: 8), "the offsets"),
            (file(#"{"w":\#(tensor("F32", "[2]", "[-8,0]"))}"#, data: 8), "the offsets"),
            (file(#"{"w":\#(whole)}"#, data: 7), "data of 7 bytes"),
            (file(#"{"w":\#(whole)}"#, data: 9), "1 bytes after the last tensor"),
            (file("{}", data: 5), "5 bytes after"),
            (file(#"{"w":\#(whole),"v":\#(whole)}"#, data: 8), "an overlap before"),
            (
                file(#"{"w":\#(whole),"v":\#(tensor("F32", "[2]", "[4,12]"))}"#, data: 12),
                "an overlap before 'v'"
            ),
            (file(#"{"w":\#(whole),"v":\#(tensor("F32", "[1]", "[12,16]"))}"#, data: 16), "a gap before 'v'"),
            (file(#"{"w":\#(tensor("F32", "[1]", "[4,8]"))}"#, data: 8), "a gap before 'w'"),
            (file("{" + String(repeating: #""w":{"#, count: 100_000)), "JSON"),
        ]
        for (data, reason) in wrong {
            let error = #expect(throws: ModelError.self, "\(reason)") { try Safetensors.decode(data) }
            #expect(
                error?.description.contains(reason) == true, "\(error?.description ?? "") lacks '\(reason)'")
            #expect(error?.description.contains("\n") == false)
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let data = try Safetensors.encode(sample, metadata: ["k": "v"])
        for length in 0..<data.count {
            #expect(throws: ModelError.self) { try Safetensors.decode(data.prefix(length)) }
        }
    }

    /// Whatever a changed byte makes of the file, reading it ends in tensors or in an error.
    @Test(arguments: ["f32", "f16", "mixed"])
    func noCorruptionTraps(name: String) throws {
        var data = try fixture(name)
        for index in data.indices {
            let original = data[index]
            for byte in UInt8.min...UInt8.max where byte != original {
                data[index] = byte
                if let tensors = try? Safetensors.decode(data).tensors {
                    #expect(tensors.entries.allSatisfy { $0.shape.reduce(1, *) == $0.values.count })
                }
            }
            data[index] = original
        }
    }
}
