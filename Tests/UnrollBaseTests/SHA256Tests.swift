import Foundation
import Testing
import UnrollBase

@Suite struct SHA256Tests {
    /// The digest of a message, in hexadecimal digits.
    private static func digest(_ message: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        hash.update(message)
        return Checksum.hexadecimal(hash.finalize())
    }

    /// Bytes without a short period.
    private static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    }

    // The examples of FIPS 180: one block, two blocks, and more than one block of padding.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func digestsAreThoseOfTheStandard(message: String, digest: String) {
        #expect(Self.digest(message.utf8) == digest)
    }

    @Test func everyLengthAroundBlockBorders() throws {
        let file = try #require(
            Bundle.module.url(forResource: "sha256", withExtension: "txt", subdirectory: "Oracles"))
        let expected = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        let message = (0..<200).map { UInt8(truncatingIfNeeded: 7 * $0 + 3) }
        #expect(expected.count == message.count + 1)
        for (length, digest) in expected.enumerated() {
            #expect(Self.digest(message.prefix(length)) == digest, "\(length) bytes")
        }
    }

    @Test(arguments: [1, 3, 55, 63, 64, 65, 127, 129, 1000])
    func piecesEqualTheWhole(size: Int) {
        let message = Self.bytes(5003)
        var hash = SHA256()
        for start in stride(from: 0, to: message.count, by: size) {
            hash.update(message[start..<min(start + size, message.count)])
            hash.update(EmptyCollection())
        }
        #expect(Checksum.hexadecimal(hash.finalize()) == Self.digest(message))
    }

    @Test func bytesNeedNotBeContiguous() {
        let message = Self.bytes(300)
        #expect(Self.digest(AnySequence(message.lazy.map { $0 })) == Self.digest(message))
    }

    @Test func unalignedBuffersAreRead() {
        let message = Self.bytes(300)
        message.withUnsafeBytes { bytes in
            for start in 0..<8 {
                var hash = SHA256()
                hash.update(UnsafeRawBufferPointer(rebasing: bytes[start...]))
                #expect(Checksum.hexadecimal(hash.finalize()) == Self.digest(message.dropFirst(start)))
            }
        }
    }

    @Test func aDigestCanBeReadMidway() {
        let message = Self.bytes(500)
        var hash = SHA256()
        hash.update(message[..<100])
        var copy = hash
        #expect(Checksum.hexadecimal(hash.finalize()) == Self.digest(message[..<100]))
        #expect(hash.finalize() == hash.finalize())
        copy.update(message[..<10])
        hash.update(message[100...])
        #expect(Checksum.hexadecimal(hash.finalize()) == Self.digest(message))
        #expect(Checksum.hexadecimal(copy.finalize()) == Self.digest(message[..<100] + message[..<10]))
    }

    private static let tool = ["/usr/bin/sha256sum", "/bin/sha256sum", "/sbin/sha256sum"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(
        .enabled(if: tool != nil, "the system has no sha256sum"),
        arguments: [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_017])
    func aMegabyteAgreesWithTheSystem(count: Int) throws {
        let message = Self.bytes(count)
        let file = FileManager.default.temporaryDirectory.appending(path: "unroll-\(UUID().uuidString)")
        try Data(message).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = try URL(filePath: #require(Self.tool))
        process.arguments = [file.path]
        process.standardOutput = output
        try process.run()
        let line = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(String(decoding: line.prefix(64), as: UTF8.self) == Self.digest(message))
    }
}
