import Foundation
import Synchronization
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

@Suite struct StreamTests {
    private func collected(
        _ stream: AsyncThrowingStream<GeneratedText, any Error>
    ) async throws -> (text: String, summaries: [GenerationSummary], count: Int) {
        var (text, summaries, count) = ("", [GenerationSummary](), 0)
        for try await piece in stream {
            #expect(summaries.isEmpty)
            text += piece.text
            if let summary = piece.summary { summaries.append(summary) }
            count += 1
        }
        return (text, summaries, count)
    }

    // MARK: The end

    @Test func theLastElementAloneTellsHowItWent() async throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let (text, summaries, count) = try await collected(
            model.generate(after: "time", options: .init(length: 9, temperature: 1)))
        let summary = try #require(summaries.first)
        #expect(summaries.count == 1)
        #expect(count == 9)
        #expect(text.count == 9)
        #expect(summary.promptTokenCount == 4)
        #expect(summary.tokenCount == 9)
        #expect(summary.stopReason == .length)
        #expect(summary.duration > .zero)
        #expect(summary.promptDuration > .zero)
        #expect(summary.tokensPerSecond > 0)
        #expect(summary.state.tokenCount == 13)
    }

    @Test func noLengthIsASummaryAlone() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        let (text, summaries, count) = try await collected(
            model.generate(after: "a", options: .init(length: 0)))
        #expect(text == "")
        #expect(count == 1)
        #expect(summaries.first?.tokenCount == 0)
        #expect(try summaries.first?.state == model.read("a"))
    }

    @Test func aConsumerThatLeavesStopsTheProducer() async throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let stream = model.generate(after: "time", options: .init(length: .max, temperature: 1))
        var count = 0
        for try await _ in stream {
            count += 1
            if count == 5 { break }
        }
        // The next token that comes is the sixth: none was generated after the consumer had left, and thrown away.
        var rest = ""
        for try await piece in stream {
            rest += piece.text
            if rest.count == 5 { break }
        }
        let (whole, _, _) = try await collected(
            model.generate(after: "time", options: .init(length: 10, temperature: 1)))
        #expect(whole.hasSuffix(rest))
    }

    @Test func cancellationEndsTheStreamWithoutASummary() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        let count = Mutex(0)
        let task = Task {
            for try await piece in model.generate(after: "a", options: .init(length: .max), threads: 1) {
                #expect(piece.summary == nil)
                let count = count.withLock {
                    $0 += 1
                    return $0
                }
                if count == 10 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        // Whether the stream ends or throws is the standard library's; it ends at once.
        _ = await task.result
        #expect(count.withLock { $0 } == 10)
    }

    /// More streams than there are threads for tasks, and one more task that must have its turn.
    @Test func manyStreamsWithoutEndLetAnotherTaskCancelThem() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 * ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    let pieces = model.generate(after: "a", options: .init(length: .max), threads: 1)
                    _ = try? await pieces.first { $0.summary != nil }
                }
            }
            try? await Task.sleep(for: .milliseconds(10))
            group.cancelAll()
        }
    }

    @Test func cancellationEndsTheReadingOfALongPrompt() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        let prompt = String(repeating: "abc", count: 1_000_000)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try model.read(prompt, threads: 1)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    // MARK: Stops

    @Test func aStopStringEndsTheText() async throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let options = TextGenerationOptions(length: 400, temperature: 1, seed: 4)
        let (whole, _, _) = try await collected(model.generate(after: "t", options: options))
        for length in 1...4 {
            var stopped = options
            let stop = String(whole.dropFirst(100).prefix(length))
            stopped.stopStrings = ["", "???", stop]
            let (text, summaries, _) = try await collected(model.generate(after: "t", options: stopped))
            let range = try #require(whole.range(of: stop))
            #expect(text == whole[..<range.lowerBound])
            #expect(summaries.first?.stopReason == .stopString(stop))
            #expect(summaries.first?.tokenCount == text.count + length)
        }
    }

    @Test func theFirstStopThatComesCounts() async throws {
        let model = try LanguageModel.constant(logits: [0, 9, 0, 0])
        for (stops, expected, stop) in [
            (["aaaa", "aa"], "", "aa"), (["ab"], "aaaaaa", nil), (["aaab", "aaaa"], "", "aaaa"),
            (["b", "baa"], "aaaaaa", nil),
        ] as [([String], String, String?)] {
            let (text, summaries, _) = try await collected(
                model.generate(
                    after: "a", options: .init(length: 6, strategy: .greedy, stopStrings: stops)))
            #expect(text == expected)
            #expect(summaries.first?.stopReason == stop.map { .stopString($0) } ?? .length)
        }
    }

    @Test func aStopInsideTheBeginOfAnotherCounts() async throws {
        let trainer = try Trainer(
            corpus: Corpus(text: String(repeating: "abc", count: 60)),
            model: ModelConfiguration(hiddenSize: 8),
            options: TrainingOptions(epochs: 20, batchSize: 2, sequenceLength: 6), engine: .cpu(threads: 1))
        for try await _ in trainer.run() {}
        let model = try trainer.languageModel()
        // Whether more could come or not.
        for length in [3, 9] {
            let (text, summaries, _) = try await collected(
                model.generate(
                    after: "abc",
                    options: .init(length: length, strategy: .greedy, stopStrings: ["abcd", "c"])))
            #expect(text == "ab")
            #expect(summaries.first?.stopReason == .stopString("c"))
            #expect(summaries.first?.tokenCount == 3)
        }
    }

    // MARK: States

    @Test(arguments: [TokenKind.characters, .bytes, .words])
    func aStateGoesOnAsIfTheTextHadJustBeenRead(tokens: TokenKind) async throws {
        let model = try LanguageModel.untrained(text: "ab жц漢 ba", tokens: tokens, hiddenSize: 33)
        let whole = try await collected(
            model.generate(after: "ab ", options: .init(length: 60, strategy: .greedy)))
        let state = try model.read("ab ")
        let copy = state
        for start in [state, copy, state] {
            let again = try await collected(
                model.generate(from: start, options: .init(length: 60, strategy: .greedy)))
            #expect(again.text == whole.text)
            #expect(again.summaries.first?.state == whole.summaries.first?.state)
        }
        #expect(copy == state)
        // In two halves, of which the first may end within a character.
        for half in [7, 8, 9] {
            let first = try await collected(
                model.generate(from: state, options: .init(length: half, strategy: .greedy)))
            let middle = try #require(first.summaries.first?.state)
            let second = try await collected(
                model.generate(from: middle, options: .init(length: 60 - half, strategy: .greedy)))
            #expect(second.summaries.first?.state == whole.summaries.first?.state)
            let begin = first.text.replacing("\u{FFFD}", with: "")
            if tokens != .bytes { #expect(begin + second.text == whole.text) }
        }
    }

    @Test func textIsReadInPartsAsAtOnce() throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let state = try model.read("time travel")
        let parts = try model.read("travel", after: model.read("time "))
        #expect(parts == state)
        #expect(try model.read("", after: state) == state)
    }

    @Test func aStateHasAConstantSize() throws {
        let model = try LanguageModel.untrained(text: "time traveller")
        let long = try model.read(String(repeating: "time ", count: 1000))
        #expect(long.tokenCount == 5000)
        #expect(long.recentTokens.count == GenerationState.recentTokenLimit)
        #expect(long.recentTokens.suffix(5) == model.vocabulary.encode("time ").ids[...])
    }

    @Test func aStateIsSavedAndRestored() async throws {
        let model = try LanguageModel.untrained(text: "aж漢", tokens: .bytes, hiddenSize: 33)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("state.safetensors")
        for length in 1...6 {
            let (_, summaries, _) = try await collected(
                model.generate(after: "a", options: .init(length: length, temperature: 1)))
            let state = try #require(summaries.first?.state)
            try state.save(to: file, for: model)
            #expect(try GenerationState(contentsOf: file, for: model) == state)
        }
        // Another model of the same shape.
        let other = try LanguageModel.untrained(text: "aж漢", tokens: .bytes, hiddenSize: 33, seed: 2)
        #expect(throws: GenerationError.stateOfAnotherModel) {
            try GenerationState(contentsOf: file, for: other)
        }
        let data = try Data(contentsOf: file)
        for count in [0, 7, 100, data.count - 1] {
            try data.prefix(count).write(to: file)
            #expect(throws: GenerationError.self) { try GenerationState(contentsOf: file, for: model) }
        }
        // A count that cannot grow any more, in a state of an early version, which has no seal.
        var (tensors, metadata) = try Safetensors.decode(data)
        metadata["tokens"] = "\(Int.max)"
        metadata["seal"] = nil
        try Safetensors.encode(tensors, metadata: metadata).write(to: file)
        #expect(throws: GenerationError.self) { try GenerationState(contentsOf: file, for: model) }
        try FileManager.default.removeItem(at: file)
        #expect(throws: GenerationError.self) { try GenerationState(contentsOf: file, for: model) }
    }

    @Test(arguments: ["tokens", "recentTokens", "pendingBytes", "needsSpace", "seal"])
    func aStateWithChangedMetadataIsRefused(key: String) throws {
        let model = try LanguageModel.untrained(text: "aж漢", tokens: .bytes)
        let data = try model.read("aж漢").data(for: model)
        var (tensors, metadata) = try Safetensors.decode(data)
        // Values that a state could have.
        let other = ["tokens": "7", "recentTokens": "1", "pendingBytes": "208", "needsSpace": "true"]
        #expect(metadata[key] != other[key])
        metadata[key] = other[key] ?? String(repeating: "0", count: 64)
        let changed = try Safetensors.encode(tensors, metadata: metadata)
        #expect(
            throws: GenerationError.unusableState(path: nil, reason: "its metadata has been changed")
        ) { try GenerationState(data: changed, for: model) }
    }

    @Test func aStateOfAnotherFormulaIsRefused() throws {
        let models = try TwoFormulas.models(text: "abc")
        let data = try models[0].read("ab").data(for: models[0])
        #expect(try GenerationState(data: data, for: models[0]) == models[0].read("ab"))
        #expect(throws: GenerationError.stateOfAnotherModel) {
            try GenerationState(data: data, for: models[1])
        }
    }

    @Test func aStateOfAnotherModelIsRefused() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        let others = [
            try LanguageModel.untrained(text: "abcd"),
            try LanguageModel.untrained(text: "abc", hiddenSize: 8),
        ]
        for other in others {
            let state = try other.read("a")
            await expectGenerationError(.stateOfAnotherModel) {
                for try await _ in model.generate(from: state) {}
            }
            await expectGenerationError(.stateOfAnotherModel) { _ = try model.read("a", after: state) }
            await expectGenerationError(.stateOfAnotherModel) {
                try state.save(to: URL(fileURLWithPath: "/nowhere/state"), for: model)
            }
        }
        await expectGenerationError(.emptyPrompt) { _ = try model.read("") }
    }

    // MARK: Many at once

    @Test func aHundredTasksWriteWhatOneAfterAnotherWrites() async throws {
        let model = try LanguageModel.untrained(text: "time traveller", hiddenSize: 70)
        func text(_ seed: Int) async throws -> String {
            let options = TextGenerationOptions(length: 200, temperature: 1, seed: UInt64(seed))
            return try await collected(model.generate(after: "time", options: options)).text
        }
        let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for seed in 0..<100 { group.addTask { (seed, try await text(seed)) } }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(together.count == 100)
        #expect(Set(together.values).count == 100)
        for seed in 0..<100 { #expect(try await together[seed] == text(seed)) }
    }

    @Test(arguments: [TokenKind.characters, .bytes])
    func samplesAreTheTextsOfTheirSeeds(tokens: TokenKind) async throws {
        let model = try LanguageModel.untrained(text: "time жtraveller", tokens: tokens, hiddenSize: 33)
        let options = TextGenerationOptions(
            length: 80, temperature: 1, seed: 5, stopStrings: ["tim", "ell", "tr"])
        let samples = try await model.generateSamples(after: "time", count: 60, options: options)
        #expect(samples.count == 60)
        var reasons: Set<String> = []
        for (index, sample) in samples.enumerated() {
            var alone = options
            alone.seed += UInt64(index)
            let (text, summaries, _) = try await collected(model.generate(after: "time", options: alone))
            #expect(sample.text == text)
            let (summary, expected) = (try #require(sample.summary), try #require(summaries.first))
            #expect(summary.stopReason == expected.stopReason)
            #expect(summary.tokenCount == expected.tokenCount)
            #expect(summary.state.recentTokens == expected.state.recentTokens)
            for (left, right) in zip(summary.state.logits, expected.state.logits) {
                #expect(abs(left - right) < 1e-5)
            }
            reasons.insert("\(summary.stopReason)")
        }
        #expect(reasons.count > 1)
    }

    @Test func sillyCountsOfSamplesAreRefused() async throws {
        let model = try LanguageModel.untrained(text: "abc")
        for count in [0, -1, .max] {
            await expectGenerationError { _ = try await model.generateSamples(after: "a", count: count) }
        }
        #expect(
            try await model.generateSamples(after: "a", count: 3, options: .init(length: 0)).map(\.text)
                == ["", "", ""])
    }
}
