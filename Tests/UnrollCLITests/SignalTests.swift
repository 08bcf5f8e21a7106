import Foundation
import Testing
import UnrollBase
import UnrollTestSupport

extension CommandLineTests {
    /// Signals that ask the program to end.
    @Suite struct SignalTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
        }

        /// Waits until there is a temporary file or folder.
        private func waitForTemporary(of running: Unroll.Running) async throws {
            while running.isRunning, try temporaries().isEmpty {
                try await Task.sleep(for: .milliseconds(1))
            }
        }

        private func temporaries() throws -> [String] {
            try folder.names().filter(FileSystem.isTemporary)
        }

        /// Starts to compress a pipe that is never closed.
        private func startCompressing() async throws -> (Unroll.Running, FileHandle) {
            let pipe = folder("pipe").path
            #expect(mkfifo(pipe, 0o600) == 0)
            let running = try Unroll.start(["compress", "--adaptive", "pipe", "small"], in: folder)
            // For reading, too, which does not wait for another reader.
            let end = try #require(FileHandle(forUpdatingAtPath: pipe))
            try end.write(contentsOf: Data(englishText.utf8))
            try await waitForTemporary(of: running)
            #expect(try temporaries().count == 1)
            return (running, end)
        }

        @Test(arguments: [SIGHUP, SIGINT, SIGTERM, SIGQUIT])
        func aConversionLeavesNothing(signal: Int32) async throws {
            let (running, end) = try await startCompressing()
            running.send(signal)
            #expect(try await running.result().status == -signal)
            #expect(try temporaries().isEmpty)
            #expect(try !folder.names().contains("small"))
            try end.close()
        }

        @Test(arguments: [SIGHUP, SIGTERM])
        func aBenchmarkLeavesNothing(signal: Int32) async throws {
            let running = try Unroll.start(
                ["benchmark", "--workload", "first-character"], environment: ["TMPDIR": folder.url.path],
                in: folder)
            try await waitForTemporary(of: running)
            running.send(signal)
            #expect(try await running.result().status == -signal)
            #expect(try folder.names() == ["text.txt"])
        }

        @Test func whatAKillHasLeftIsRemovedByTheNextCommandInTheFolder() async throws {
            let (running, end) = try await startCompressing()
            // One that is at work keeps its own.
            _ = try await Unroll.run(["compress", "--adaptive", "text.txt", "other"], in: folder)
            #expect(try temporaries().count == 1)
            running.send(SIGKILL)
            #expect(try await running.result().status == -SIGKILL)
            let left = try #require(try temporaries().first)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: folder(left).path)
            let next = try await Unroll.run(["compress", "--adaptive", "text.txt", "small"], in: folder)
            #expect(next.status == 0, "\(next.error)")
            #expect(try temporaries().isEmpty)
            try end.close()
        }

        @Test func aRunThatIgnoresHangupsGoesOn() async throws {
            // As nohup does.
            let script = #"trap "" HUP; exec "$0" "$@""#
            let running = try Unroll.start(
                [
                    "-c", script, Unroll.executable.path, "train", "text.txt", "--epochs", "100000000",
                    "--json",
                ]
                    + Unroll.tiny, program: URL(fileURLWithPath: "/bin/sh"), in: folder)
            try await running.waits(for: #""epoch":1,"#)
            running.send(SIGHUP)
            let count = try running.contents(of: "output").count
            try await running.waits { $0.count > count + 1000 }
            #expect(running.isRunning)
            running.send(SIGTERM)
            let result = try await running.result()
            #expect(result.status == 128 + SIGTERM)
            #expect(try result.objects().last?["event"] as? String == "interrupted")
        }

        @Test func aClosedPipeEndsTheProgramAsTheSystemDoes() async throws {
            let script = #""$0" train text.txt --epochs 100000000 --json "$@" 2>/dev/null | head -n 3"#
            let running = try Unroll.start(
                ["-c", script, Unroll.executable.path] + Unroll.tiny,
                program: URL(fileURLWithPath: "/bin/sh"), in: folder)
            let result = try await running.result()
            #expect(result.lines.count == 3)
            #expect(result.error.isEmpty)
            #expect(try temporaries().isEmpty)
        }
    }
}
