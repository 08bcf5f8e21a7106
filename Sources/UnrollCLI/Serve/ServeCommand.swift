import ArgumentParser
import Foundation
import Unroll
import UnrollBase

#if Serving
    import Logging
    import ServiceLifecycle
    import UnrollServing
#endif

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Offer models over HTTP, as OpenAI's clients know it.",
        discussion: """
            Examples:
              unroll serve unroll-model
              unroll serve notes stories --port 9000 --reload
              unroll serve unroll-model --host 0.0.0.0 --keys keys.txt
              curl localhost:8080/v1/completions -H 'Content-Type: application/json' \\
                -d '{"prompt": "The ferry", "max_tokens": 200}'

            The page at / shows what the models think; /openapi.json describes all endpoints.
            A model has its folder's name. Interrupted or asked to end (TERM), the server
            finishes what it has begun and exits with 0.

            The command is part of the program if it is built with the trait Serving:
              swift run -c release --traits Serving unroll serve MODEL [MODEL...]
            """)

    @Argument(help: "Model folders.", completion: .directory, transform: FolderPath.init)
    var models: [FolderPath] = []

    @Option(help: "The name or address to listen at.")
    var host = "127.0.0.1"

    @Option(parsing: .unconditional, help: "The port, 0 for any that is free.")
    var port = 8080

    @Option(
        help: """
            A file with API keys, one a line, of which requests need one (default: those in the environment variable \
            UNROLL_API_KEYS, with commas between them, if it is set).
            """,
        completion: .file(), transform: InputPath.init)
    var keys: InputPath?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            #"How a message of a chat is written (default: "{role}: {content}\n")."#, valueName: "text"))
    var chatTemplate: String?

    @OptionGroup
    var escapes: EscapeOptions

    @Flag(help: "Read a model again when its folder has changed; requests that run keep the earlier version.")
    var reload = false

    @OptionGroup(title: "Limits")
    var limits: ServingLimitFlags

    @OptionGroup(title: "Engine")
    var engine: ModelEngineOptions

    func run() async throws {
        #if Serving
            try await serve()
        #else
            throw Failure(
                "the program was built without its server; use: swift run -c release --traits Serving unroll serve MODEL [MODEL...]"
            )
        #endif
    }
}

/// What the server does at most.
struct ServingLimitFlags: ParsableArguments {
    @Option(parsing: .unconditional, help: "Texts generated at the same time with each model (default: 64).")
    var batch: Int?

    @Option(parsing: .unconditional, help: "Texts that wait for that; more are refused (default: 256).")
    var queue: Int?

    @Option(parsing: .unconditional, help: "Tokens generated after a prompt (default: 4096).")
    var maxTokens: Int?

    @Option(parsing: .unconditional, help: "Texts of one request (default: 128).")
    var maxTexts: Int?

    @Option(parsing: .unconditional, help: "Bytes of a request's body (default: 1048576).")
    var maxBody: Int?

    @Option(parsing: .unconditional, help: "Bytes of all states that are kept (default: 268435456).")
    var stateMemory: Int?

    @Option(parsing: .unconditional, help: "Connections that are open at the same time (default: 4096).")
    var connections: Int?

    @Option(
        parsing: .unconditional,
        help: "Seconds after which a connection that is idle, or slow, is closed (default: 30).")
    var idleTimeout: Int?

    @Option(parsing: .unconditional, help: "Seconds that an answer may take (default: 600).")
    var answerTimeout: Int?

    @Option(parsing: .unconditional, help: "Seconds that requests have to end at the end (default: 20).")
    var grace: Int?
}

#if Serving
    extension ServeCommand {
        private func serve() async throws {
            guard !models.isEmpty else {
                throw ValidationError("there is nothing to serve; name a model folder")
            }
            if escapes.noEscape, chatTemplate == nil {
                throw ValidationError("--no-escape is about --chat-template; leave it out")
            }
            guard (0...65535).contains(port) else {
                throw ValidationError("--port is \(port) but must be in 0...65535")
            }
            var options = ServingOptions()
            options.limits = limits.value
            options.keys = try apiKeys
            if let chatTemplate {
                options.chatTemplate = try ChatTemplate(
                    message: escapes.decoded(chatTemplate, of: "--chat-template"))
            }
            try options.limits.check()
            let maker = try engine.maker
            let served = ServedModels(
                batchSize: options.limits.batchSize, precision: engine.precision, threads: engine.threads
            ) { $0.computed(by: maker) }
            for folder in models {
                let name = folder.url.standardizedFileURL.lastPathComponent
                guard !served.names.contains(name) else {
                    throw ValidationError("two models are called '\(name)'; rename a folder")
                }
                try served.add(contentsOf: folder.url)
            }
            try await run(served, options)
        }

        private func run(_ served: ServedModels, _ options: ServingOptions) async throws {
            ProcessSettings.raiseDescriptorLimit()
            ProcessSettings.ignoreBrokenPipeSignal()
            LoggingSystem.bootstrap(StreamLogHandler.standardError)
            let names = served.names.joined(separator: ", ")
            let isOpen = !["127.0.0.1", "::1", "localhost"].contains(host) && options.keys == nil
            if isOpen {
                Standard.error.say("note: anyone who reaches \(host) can use the models; see --keys")
            }
            let server = ModelServer(
                try ServingRoutes(served, options: options), host: host, port: port, reloads: reload,
                logger: Logger(label: "unroll")
            ) { [host] port in
                let name = host.contains(":") ? "[\(host)]" : host
                Standard.error.say("serving \(names) at http://\(name):\(port)/")
            }
            let group = server.group
            do {
                try await Interruption.stopping {
                    Task { await group.triggerGracefulShutdown() }
                } _: {
                    try await group.run()
                }
            } catch let error where !(error is any UnrollError) {
                throw Failure("the server cannot run at \(host):\(port) (\(error)); try another --port")
            }
        }

        /// The keys of the file, or of the environment; nil without any.
        private var apiKeys: APIKeys? {
            get throws {
                if let keys {
                    let data =
                        try keys.isStandardInput
                        ? CorpusReader.standardInputBytes()
                        : FileSystem.contents(of: URL(fileURLWithPath: keys.argument))
                    guard let data else { throw FileError.notFound(path: keys.argument) }
                    return try APIKeys(
                        String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map(
                            String.init))
                }
                let listed = ProcessInfo.processInfo.environment["UNROLL_API_KEYS"] ?? ""
                return listed.isEmpty ? nil : try APIKeys(listed.split(separator: ",").map(String.init))
            }
        }
    }

    extension ServingLimitFlags {
        /// The limits, the defaults where nothing is said.
        fileprivate var value: ServingLimits {
            var limits = ServingLimits()
            if let batch { limits.batchSize = batch }
            if let queue { limits.queue = queue }
            if let maxTokens { limits.maxTokens = maxTokens }
            if let maxTexts { limits.textsPerRequest = maxTexts }
            if let maxBody { limits.bodyBytes = maxBody }
            if let stateMemory { limits.stateBytes = stateMemory }
            if let connections { limits.connections = connections }
            if let idleTimeout { limits.idleSeconds = idleTimeout }
            if let answerTimeout { limits.answerSeconds = answerTimeout }
            if let grace { limits.graceSeconds = grace }
            return limits
        }
    }
#endif
