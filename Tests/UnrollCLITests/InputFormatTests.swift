import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Texts in other encodings, and files that are no texts.
    @Suite struct InputFormatTests {
        private let folder: TemporaryFolder
        private static let utf16 = Array("The lamp was still burning there.\n".utf16)
            .flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        private func write(_ bytes: [UInt8], to name: String) throws {
            try Data(bytes).write(to: folder(name))
        }

        private let train = ["train", "--output", "new", "--epochs", "1"] + Unroll.tiny

        @Test(
            arguments: [
                ("plain", utf16, "UTF-16LE", "iconv -f UTF-16LE -t UTF-8"),
                ("marked", [0xFF, 0xFE] + utf16, "UTF-16LE", "iconv -f UTF-16LE -t UTF-8"),
                ("a.gz", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], "gzip", "gzip -dc"),
                ("a.zst", [0x28, 0xB5, 0x2F, 0xFD, 4], "Zstandard", "zstd -dc"),
                ("a.bz2", Array("BZh91AY&SY".utf8) + [0xFF], "bzip2", "bzip2 -dc"),
                ("a.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0], "xz", "xz -dc"),
                ("a.docx", [0x50, 0x4B, 3, 4, 10, 0xFF], "ZIP", "unzip -p"),
                ("a.pdf", Array("%PDF-1.7\n%".utf8) + [0xE2, 0xE3], "PDF", "pdftotext"),
            ] as [(String, [UInt8], String, String)])
        func isNamedWithWhatConvertsIt(
            name: String, bytes: [UInt8], format: String, program: String
        ) async throws {
            try write(bytes, to: name)
            let commands = [
                train + [name], train + ["--tokens", "words", name],
                train + ["text.txt", "--validation-file", name], ["evaluate", "model", name],
                ["evaluate", "model", name, "--heatmap", "page.html"],
                ["generate", "model", "--prompt-file", name],
                ["recipe", "run", "gluon-concise", "--corpus", name, "--reduced"],
            ]
            for command in commands {
                try await expectFailure(
                    command, status: 1, naming: "\(format) by its first bytes", "(\(program) ",
                    "\(name).txt)",
                    in: folder)
            }
            for command in [["train", "-"], ["evaluate", "model", "-"]] {
                try await expectFailure(
                    command, status: 1, naming: format, "pipe it through: \(program)", input: Data(bytes),
                    in: folder)
            }
        }

        @Test func whatConvertsItDoes() async throws {
            try write(Self.utf16 + Self.utf16, to: "it's 16")
            let failed = try await Unroll.run(["evaluate", "model", "it's 16"], in: folder)
            let command = try #require(failed.error.split(separator: "(").last?.split(separator: ")").first)
            #expect(command == #"iconv -f UTF-16LE -t UTF-8 'it'\''s 16' > 'it'\''s 16.txt'"#)
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments = ["-c", String(command)]
            shell.currentDirectoryURL = folder.url
            try shell.run()
            shell.waitUntilExit()
            guard shell.terminationStatus == 0 else { return }  // no iconv
            let result = try await Unroll.run(["evaluate", "model", "it's 16.txt"], in: folder)
            #expect(result.status == 0, "\(result.error)")
        }

        @Test func bytesAreLearnedWithANote() async throws {
            try write([0x1F, 0x8B, 8, 0] + (0..<200).map { UInt8($0 * 37 & 0xFF) }, to: "a.gz")
            let result = try await Unroll.run(train + ["--tokens", "bytes", "a.gz"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.error.contains("gzip by its first bytes"))
            #expect(result.error.contains("gzip -dc "))
            try write(Self.utf16, to: "16")
            let text = try await Unroll.run(
                ["train", "--output", "other", "--epochs", "1", "--tokens", "bytes", "16"] + Unroll.tiny,
                in: folder)
            #expect(text.status == 0 && !text.error.contains("by its first bytes"), "\(text.error)")
        }

        @Test func aWatchGoesOnAfterANote() async throws {
            try write([0x1F, 0x8B, 8, 0, 0x0A] + Array("the lamp\n".utf8), to: "a.gz")
            let result = try await Unroll.run(["evaluate", "model", "a.gz", "--per-line"], in: folder)
            #expect(result.status == 0)
            #expect(result.lines.count == 2)
            #expect(
                result.error.hasPrefix(
                    "note: a.gz: gzip by its first bytes; for its text: gzip -dc a.gz > a.gz.txt\n"))
        }

        @Test func textsWithNULsAreTexts() async throws {
            try write(Array(String(repeating: "one\0two\0three\0", count: 40).utf8), to: "list")
            let result = try await Unroll.run(train + ["list"], in: folder)
            #expect(result.status == 0, "\(result.error)")
        }
    }
}
