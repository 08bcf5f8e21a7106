import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// What a terminal gets that cannot move its cursor, or show characters beyond ASCII.
    @Suite struct TerminalOutputTests {
        private let folder: TemporaryFolder
        private let modern = ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8"]

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        /// What training and compressing write to the terminal.
        private func screens(_ environment: [String: String]) async throws -> [String] {
            let name = UUID().uuidString
            let training = ["train", "text.txt", "--output", name, "--epochs", "3"] + Unroll.tiny
            let compressing = ["compress", "model", "text.txt", name + ".unr"]
            var screens: [String] = []
            for arguments in [training, compressing] {
                let (status, screen) = try await Terminal().run(
                    arguments, environment: environment, in: folder)
                #expect(status == 0, "\(screen)")
                screens.append(screen)
            }
            return screens
        }

        private func hasBraille(_ text: String) -> Bool {
            text.unicodeScalars.contains { (0x2800...0x28FF).contains($0.value) }
        }

        @Test func aModernTerminalIsRedrawn() async throws {
            let screens = try await screens(modern)
            #expect(hasBraille(screens[0]))
            #expect(screens[1].contains("\u{1B}[K"))
        }

        @Test(arguments: [
            ["TERM": "dumb"], ["TERM": ""], ["NO_COLOR": "1"], ["TERM": "dumb", "LC_ALL": "C"],
        ])
        func plainLinesAreWrittenElsewhere(setting: [String: String]) async throws {
            for screen in try await screens(modern.merging(setting) { $1 }) {
                #expect(!screen.contains("\u{1B}") && !screen.contains("\r"), "\(screen)")
                #expect(!hasBraille(screen))
            }
            // Without the variable at all.
            for screen in try await screens(["LANG": "C.UTF-8"]) { #expect(!screen.contains("\u{1B}")) }
        }

        @Test(arguments: [
            ["LC_ALL": "C"], ["LC_ALL": "POSIX"], ["LC_ALL": "", "LANG": "de_DE.ISO-8859-1"],
            ["LC_ALL": "", "LC_CTYPE": "C", "LANG": "C.UTF-8"], ["LC_ALL": ""],
        ])
        func otherEncodingsGetASCII(setting: [String: String]) async throws {
            let screens = try await screens(modern.merging(setting) { $1 })
            #expect(screens[0].utf8.allSatisfy { $0 < 0x80 }, "\(screens[0])")
            #expect(screens[0].contains("epoch 3/3"))
            #expect(screens[1].contains("\u{1B}[K"))
        }
    }
}
