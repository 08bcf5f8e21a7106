import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    @Suite struct ServeCommandTests {
        #if Serving
            /// Waits until the server listens, and returns its address.
            private func address(of server: Unroll.Running) async throws -> String {
                while server.isRunning {
                    let error = try server.contents(of: "error")
                    if let match = error.firstMatch(of: #/serving .* at (http:\S+)\/\n/#) {
                        return String(match.1)
                    }
                    try await Task.sleep(for: .milliseconds(5))
                }
                Issue.record("\(try server.contents(of: "error"))")
                return ""
            }

            /// Runs curl, as people do; Foundation's own client is a system library's.
            private func curl(_ arguments: [String], in folder: TemporaryFolder) async throws -> String {
                try await Unroll.start(
                    ["-s", "--max-time", "60"] + arguments, program: URL(filePath: "/usr/bin/curl"),
                    in: folder
                ).result().output
            }

            @Test(arguments: [SIGTERM, SIGINT])
            func servesUntilItIsAskedToEnd(signal: Int32) async throws {
                let folder = try TemporaryFolder()
                try await trainTinyModel(in: folder)
                let server = try Unroll.start(
                    ["serve", "model", "--port", "0", "--threads", "1"], in: folder)
                let url = try await address(of: server)
                let models = try await curl(["\(url)/v1/models"], in: folder)
                #expect(models.contains(#""id":"model""#), "\(models)")
                let json = ["-H", "Content-Type: application/json", "-d"]
                async let answer = curl(
                    json + [
                        #"{"prompt": "the lamp", "max_tokens": 4096, "seed": 1, "n": 8}"#,
                        "\(url)/v1/completions",
                    ], in: folder)
                try await Task.sleep(for: .milliseconds(100))
                server.send(signal)
                // What has begun is finished, or had not begun yet; then the program ends well.
                let text = try await answer
                #expect(text.isEmpty || text.contains(#""completion_tokens":32768"#), "\(text.prefix(300))")
                let result = try await server.result()
                #expect(result.status == 0, "\(result.error)")
                #expect(result.output.isEmpty)
                #expect(!result.error.contains("the lamp"), "texts are not logged: \(result.error)")
            }

            @Test func keysComeFromAFileOrTheEnvironment() async throws {
                let folder = try TemporaryFolder()
                try await trainTinyModel(in: folder)
                try folder.write("first\nsecond\n", to: "keys.txt")
                for (options, environment) in [
                    (["--keys", "keys.txt"], [:]), ([], ["UNROLL_API_KEYS": "other, second"]),
                ] {
                    let server = try Unroll.start(
                        ["serve", "model", "--port", "0"] + options, environment: environment, in: folder)
                    let url = try await address(of: server)
                    let refused = try await curl(["\(url)/v1/models"], in: folder)
                    #expect(refused.contains("invalid_api_key"))
                    let listed = try await curl(
                        ["-H", "Authorization: Bearer second", "\(url)/v1/models"], in: folder)
                    #expect(listed.contains(#""id":"model""#))
                    server.send(SIGTERM)
                    #expect(try await server.result().status == 0)
                }
            }

            @Test(arguments: [
                (["serve"], ["name a model folder"]),
                (["serve", "model", "--max-tokens", "0"], ["--max-tokens", "1...1000000"]),
                (["serve", "model", "--batch", "5000"], ["--batch", "1...4096"]),
                (["serve", "model", "--max-body", "1"], ["--max-body"]),
                (["serve", "model", "--state-memory", "-1"], ["--state-memory"]),
                (["serve", "model", "--idle-timeout", "0"], ["--idle-timeout"]),
                (["serve", "model", "--answer-timeout", "0"], ["--answer-timeout"]),
                (["serve", "model", "--grace", "-1"], ["--grace"]),
                (["serve", "model", "--port", "65536"], ["--port", "0...65535"]),
                (["serve", "model", "--chat-template", "{role}"], ["--chat-template", "{content}"]),
                (["serve", "model", "model"], ["two models are called 'model'"]),
            ])
            func optionsHaveRanges(arguments: [String], texts: [String]) async throws {
                let folder = try TemporaryFolder()
                try await trainTinyModel(in: folder)
                for text in texts {
                    try await expectFailure(arguments, status: 64, naming: text, in: folder)
                }
            }

            @Test func foldersAndAddressesMustBeThere() async throws {
                let folder = try TemporaryFolder()
                try await trainTinyModel(in: folder)
                try await expectFailure(["serve", "nothing"], status: 1, naming: "nothing", in: folder)
                try await expectFailure(
                    ["serve", "model", "--keys", "nothing.txt"], status: 1, naming: "nothing.txt", in: folder)
                let first = try Unroll.start(["serve", "model", "--port", "0"], in: folder)
                let port = try #require(try await address(of: first).split(separator: ":").last)
                try await expectFailure(
                    ["serve", "model", "--port", String(port)], status: 1, naming: "--port", in: folder)
                first.send(SIGTERM)
                #expect(try await first.result().status == 0)
            }
        #else
            @Test func saysHowToBuildTheServer() async throws {
                try await expectFailure(
                    ["serve", "model"], status: 1,
                    naming: "swift run -c release --traits Serving unroll serve MODEL [MODEL...]",
                    in: TemporaryFolder())
            }
        #endif
    }
}
