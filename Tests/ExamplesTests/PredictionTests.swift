import Chapter
import Testing
import Unroll

@Suite struct PredictionTests {
    /// Letters a, b, c and the space that stands for everything else.
    static var vocabulary: Vocabulary {
        get throws { try Corpus(text: "abc cab bca", preprocessing: .letters).vocabulary }
    }

    @Test(arguments: Network.allCases) func continuesThePrefix(network: Network) throws {
        let model = try network.model(Self.vocabulary, hiddenSize: 6)
        let text = try predict(after: "cab ", count: 20, with: model)
        #expect(text.hasPrefix("cab "))
        #expect(marked(text).count == 24)
        #expect(try predict(after: "cab ", count: 20, with: model) == text)
        #expect(try marked(predict(after: "cab ", count: 5, with: model)) == marked(text).prefix(9))
        #expect(try predict(after: "cab ", count: 0, with: model) == "cab ")
    }

    @Test func startsWithoutPrefix() throws {
        let model = try Network.rnn.model(Self.vocabulary, hiddenSize: 6)
        #expect(try marked(predict(after: "", count: 3, with: model)).count == 3)
        #expect(try predict(after: "", count: 0, with: model) == "")
    }

    /// There is no x in the vocabulary; capitals are read as letters, and signs as spaces.
    @Test func readsWhatTheVocabularyLacks() throws {
        let model = try Network.rnn.model(Self.vocabulary, hiddenSize: 6)
        #expect(try predict(after: "axb", count: 2, with: model).hasPrefix("a<unk>b"))
        #expect(try predict(after: "A-b", count: 2, with: model).hasPrefix("a b"))
    }

    /// A network that knows what follows each letter says a whole cycle.
    @Test func feedsBackWhatItSaid() throws {
        let vocabulary = try Self.vocabulary
        var next = [Float](repeating: 0, count: vocabulary.count * vocabulary.count)
        for (letter, following) in [("a", "b"), ("b", "c"), ("c", " "), (" ", "a"), ("<unk>", "c")] {
            let row = try #require(vocabulary.id(of: letter))
            let column = try #require(vocabulary.id(of: following))
            next[Int(row) * vocabulary.count + Int(column)] = 1
        }
        let model = try ScratchModel(
            vocabulary: vocabulary, hiddenSize: 1,
            parameters: { size, _, _ in [try Tensor(next, shape: [size, size])] },
            initialState: { _, _ in [] }
        ) { inputs, state, parameters in
            (try matmul(inputs.reshaped(to: [-1, vocabulary.count]), parameters[0]), state)
        }
        #expect(try predict(after: "ab", count: 6, with: model) == "abc abc ")
        #expect(try predict(after: "", count: 4, with: model) == "c ab")
    }

    /// The prefix is read once, each token of it and of the answer but the last, and the state is handed on.
    @Test func warmsUpTheState() throws {
        let vocabulary = try Self.vocabulary
        var read: [Int32] = []
        let model = try ScratchModel(
            vocabulary: vocabulary, hiddenSize: 1, parameters: { _, _, _ in [] },
            initialState: { batchSize, _ in [try .zeros([batchSize, 1])] }
        ) { inputs, state, _ in
            #expect(inputs.shape == [1, 1, vocabulary.count])
            #expect(try state[0].scalar() == Float(read.count))
            read += try inputs.argmax()
            return (try oneHot([1], classes: vocabulary.count), [state[0] + 1])
        }
        let text = try predict(after: "cab", count: 2, with: model)
        #expect(vocabulary.encode(text).ids.dropLast() == read[...])
    }

    /// The text with a single character for each token.
    private func marked(_ text: String) -> String {
        text.replacing("<unk>", with: "?")
    }
}
