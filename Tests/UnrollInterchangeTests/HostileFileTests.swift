import Foundation
import Testing
import UnrollBase
import UnrollInterchange
import UnrollModel
import UnrollTestSupport

/// Files made to harm: none ends the process, or takes memory or time without end.
@Suite struct HostileFileTests {
    // MARK: Archives

    /// Archives past four gigabytes have other fields, which any archive may have.
    @Test(arguments: [false, true]) func archivesOfBothWidthsAreRead(isWide: Bool) throws {
        let url = try ImportFixture.url("torch-gru-one-hot.pt")
        let archive = TorchArchive(Array(try Data(contentsOf: url)))
        let folder = try TemporaryFolder()
        try Data(archive.bytes(wide: isWide)).write(to: folder("network"))
        let tokens = ImportedVocabulary.tokens(ImportFixture.tokens)
        let copy = try ImportedModel(contentsOf: folder("network"), vocabulary: tokens)
        let original = try ImportedModel(contentsOf: url, vocabulary: tokens)
        #expect(try copy.model.fingerprint == original.model.fingerprint)
    }

    @Test func archivesMustBeWhole() throws {
        let folder = try TemporaryFolder()
        let archive = TorchArchive(pickle: Array("N.".utf8))
        for (change, text) in [
            ({ $0.members[1].name = "a/data.pkl" }, "two members 'a/data.pkl'"),
            ({ $0.members[0].name = "data.txt" }, "a zip archive that torch.save has not written"),
            ({ $0.members.append((name: "a/constants.pkl", contents: [])) }, "a TorchScript program"),
            ({ $0.members.append((name: "a/byteorder", contents: Array("big".utf8))) }, "big-endian"),
            ({ $0.members[0].name = "model.weights.h5" }, "a Keras archive"),
        ] as [((inout TorchArchive) -> Void, String)] {
            var changed = archive
            change(&changed)
            try Data(changed.bytes()).write(to: folder("network"))
            expectError(naming: text) { _ = try ImportedModel(contentsOf: folder("network")) }
        }
        var file = archive.bytes()
        let contents = try #require(file.firstIndex(of: UInt8(ascii: "N")))
        file[contents] ^= 1
        try Data(file).write(to: folder("network"))
        expectError(naming: "'a/data.pkl' has another checksum") {
            _ = try ImportedModel(contentsOf: folder("network"))
        }
    }

    // MARK: Pickles

    private func expectRefusal(
        _ pickle: [UInt8], naming text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        expectError(naming: text, sourceLocation: sourceLocation) {
            let folder = try TemporaryFolder()
            try Data(TorchArchive(pickle: pickle).bytes()).write(to: folder("network"))
            _ = try ImportedModel(contentsOf: folder("network"))
        }
    }

    private func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    private let proto: [UInt8] = [0x80, 2]
    private let stop = UInt8(ascii: ".")

    @Test func nothingExecutes() {
        let command: [UInt8] =
            Array("X".utf8) + [4, 0, 0, 0] + Array("true".utf8) + [0x85, UInt8(ascii: "R"), stop]
        expectRefusal(proto + global("posix", "system") + command, naming: "'posix.system'")
        expectRefusal(proto + global("builtins", "eval") + command, naming: "'builtins.eval'")
        expectRefusal(proto + global("torch", "load") + command, naming: "'torch.load'")
        let object = global("numpy", "ndarray") + [UInt8(ascii: ")"), 0x81, stop]
        expectRefusal(proto + object, naming: "'numpy.ndarray'")
        // What PyTorch's own unpickler of protocol 0 would read as an instance.
        expectRefusal(proto + Array("ios\nsystem\n.".utf8), naming: "the opcode 0x69")
    }

    @Test func nestingCostsNoStack() {
        let depth = 200_000
        let lists =
            [UInt8](repeating: UInt8(ascii: "]"), count: depth)
            + [UInt8](repeating: UInt8(ascii: "a"), count: depth - 1)
        expectRefusal(proto + lists + [stop], naming: "no tensor has the name")
        let tuples = [UInt8(ascii: "N")] + [UInt8](repeating: 0x85, count: depth)
        expectRefusal(proto + tuples + [stop], naming: "no tensor has the name")
        // A list that holds itself.
        expectRefusal(proto + Array("]q\u{0}h\u{0}a.".utf8), naming: "no tensor has the name")
    }

    @Test func sharingCostsNoMemory() {
        // Each list holds the one before twice: 2^40 ways lead to the innermost.
        var bomb: [UInt8] = proto + Array("]q\u{0}".utf8)
        for level in 1...40 {
            bomb +=
                Array("](".utf8) + [UInt8(ascii: "h"), UInt8(level - 1), UInt8(ascii: "h"), UInt8(level - 1)]
            bomb += [UInt8(ascii: "e"), UInt8(ascii: "q"), UInt8(level)]
        }
        expectRefusal(bomb + [stop], naming: "no tensor has the name")
    }

    @Test func countsAreChecked() {
        for opcode in Array("XBT".utf8) + [0x8B] {
            expectRefusal(proto + [opcode, 0xFF, 0xFF, 0xFF, 0xFF, stop], naming: "it is cut off")
        }
        for opcode: UInt8 in [0x8D, 0x8E, 0x96] {
            expectRefusal(proto + [opcode] + [UInt8](repeating: 0xFF, count: 8), naming: "it is cut off")
        }
        expectRefusal([0x80, 9], naming: "its protocol is 9")
        expectRefusal(proto + [stop], naming: "its stack is empty")
        expectRefusal(proto + Array("h\u{1}.".utf8), naming: "it recalls what it has not kept")
        expectRefusal(proto + Array("t.".utf8), naming: "a mark is missing")
        expectRefusal(proto + Array("(0.".utf8), naming: "its stack is empty")
        expectRefusal(proto + Array("}(Nu.".utf8), naming: "a key has no value")
        expectRefusal(proto + Array("NNa.".utf8), naming: "an element has no list")
        expectRefusal(proto + [UInt8(ascii: "U"), 1, 0xFF, stop], naming: "a string is not UTF-8")
    }

    // MARK: Tensors

    /// A state dictionary with one tensor of these numbers, each pickled in eight bytes.
    private func pickle(count: Int, offset: Int, shape: [Int], strides: [Int], key: String = "0") -> [UInt8] {
        func number(_ value: Int) -> [UInt8] {
            [0x8A, 8] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
        func tuple(_ parts: [[UInt8]]) -> [UInt8] {
            Array("(".utf8) + parts.flatMap(\.self) + Array("t".utf8)
        }
        let storage =
            tuple([text("storage"), global("torch", "FloatStorage"), text(key), text("cpu"), number(count)])
            + Array("Q".utf8)
        let arguments = tuple([storage, number(offset), tuple(shape.map(number)), tuple(strides.map(number))])
        return proto + Array("}".utf8) + text("weight_hh_l0") + global("torch._utils", "_rebuild_tensor_v2")
            + arguments + Array("Rs.".utf8)
    }

    @Test func tensorsMustLieInTheirStorage() {
        let (most, inside) = (Int.max, "is not in its storage")
        expectRefusal(pickle(count: 16, offset: 1, shape: [4, 4], strides: [4, 1]), naming: inside)
        expectRefusal(pickle(count: 16, offset: most, shape: [4, 4], strides: [4, 1]), naming: inside)
        expectRefusal(pickle(count: 16, offset: 0, shape: [most, most], strides: [1, 1]), naming: inside)
        expectRefusal(pickle(count: 16, offset: 0, shape: [4, 4], strides: [most, 1]), naming: inside)
        expectRefusal(pickle(count: most, offset: 0, shape: [4, 4], strides: [4, 1]), naming: "are missing")
        expectRefusal(pickle(count: 17, offset: 1, shape: [4, 4], strides: [4, 1]), naming: "are missing")
        expectRefusal(
            pickle(count: 16, offset: 0, shape: [4, 4], strides: [4, 1], key: "1"), naming: "are missing")
        expectRefusal(
            pickle(count: 16, offset: 0, shape: [4, 4], strides: [0, 1]), naming: "repeats elements")
        expectRefusal(
            pickle(count: most, offset: 0, shape: [1 << 40], strides: [1]),
            naming: "shares them with many others")
        for sizes in [[-1, 4], [4, -4]] {
            expectRefusal(
                pickle(count: 16, offset: 0, shape: sizes, strides: [4, 1]), naming: "is not described")
            expectRefusal(
                pickle(count: 16, offset: 0, shape: [4, 4], strides: sizes), naming: "is not described")
        }
        expectRefusal(pickle(count: 16, offset: -1, shape: [4], strides: [1]), naming: "is not described")
        expectRefusal(pickle(count: -1, offset: 0, shape: [4], strides: [1]), naming: "is not described")
        expectRefusal(pickle(count: 16, offset: 0, shape: [4], strides: [1, 1]), naming: "is not described")
        // What is whole is read, and is then no network.
        expectRefusal(
            pickle(count: 16, offset: 0, shape: [4, 4], strides: [4, 1]), naming: "'weight_ih_l0' is missing")
    }
}
