import Foundation
import Testing
import UnrollBase
import UnrollGeneration
import UnrollModel
import UnrollReports
import UnrollTestSupport
import UnrollText

@Suite struct HeatMapTests {
    private func model(
        knowing text: String, tokens kind: TokenKind = .characters
    ) throws -> LanguageModel {
        let vocabulary = try Corpus(text: text, tokens: kind).vocabulary
        let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 9)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 2))
    }

    private func page(
        _ text: String, of model: LanguageModel, title: String = "text.txt", isCut: Bool = false
    ) throws -> (html: String, inspection: TextInspection) {
        let inspection = try model.inspect(Array(text.utf8))
        let page = HeatMap(inspection, vocabulary: model.vocabulary, title: title, isCut: isCut)
        return (page.html, inspection)
    }

    /// What the page's program reads.
    private struct Data: Decodable {
        struct Unit: Decodable {
            let name: String
            let scale: Float
            let values: Foundation.Data
        }

        let surprisal: Foundation.Data
        let entropy: Foundation.Data
        let names: [String]
        let alternatives: Foundation.Data
        let probabilities: Foundation.Data
        let units: [Unit]
    }

    private func data(of html: String) throws -> Data {
        let start = try #require(html.range(of: #"<script type="application/json" id="data">"#)).upperBound
        let end = try #require(html.range(of: "</script>", range: start..<html.endIndex)).lowerBound
        return try JSONDecoder().decode(Data.self, from: Foundation.Data(html[start..<end].utf8))
    }

    private func numbers<Number: BitwiseCopyable>(_ data: Foundation.Data, as: Number.Type) -> [Number] {
        data.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: MemoryLayout<Number>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0, as: Number.self)
            }
        }
    }

    @Test func numbersAreThoseOfTheScore() throws {
        let text = String(repeating: "two (one)\n one (two)\n", count: 9)
        let model = try model(knowing: text)
        let (html, inspection) = try page(text, of: model)
        let data = try data(of: html)
        let score = try model.score(text)
        #expect(numbers(data.surprisal, as: Float.self) == score.tokens.map(\.surprisal))
        #expect(numbers(data.entropy, as: Float.self) == score.tokens.map(\.entropy))
        let names = numbers(data.alternatives, as: Int32.self).map { data.names[Int($0)] }
        #expect(names == inspection.alternatives.flatMap { $0.map { model.vocabulary.token($0.id) } })
        #expect(
            numbers(data.probabilities, as: Float.self)
                == inspection.alternatives.flatMap { $0.map(\.probability) })
        #expect(data.units.count == inspection.units.count)
        for (unit, activations) in zip(data.units, inspection.activations) {
            let values = numbers(unit.values, as: Int8.self)
            #expect(values.count == activations.count)
            for (value, activation) in zip(values, activations) {
                #expect(abs(Float(value) / 127 * unit.scale - activation) <= unit.scale / 127 * 0.501)
            }
            #expect(values.contains { abs($0) == 127 })
        }
        let reader = PageReader(html)
        #expect(reader.isWellFormed)
        #expect(reader.cell(after: "tokens") == "189")
        let bits = try #require(score.bitsPerByte)
        #expect(reader.cell(after: "bits per byte") == String(format: "%.3f", bits))
        let first = try #require(inspection.findings.first)
        let unit = inspection.units[first.unit]
        #expect(
            reader.cell(after: "layer 1, \(unit.state)[\(unit.index)]")
                == String(format: "%+.3f", first.correlation).replacing("-", with: "−"))
        // A mark for each character, and the legend's.
        #expect(reader.elements.count { $0 == "i" } == 189 + 9 + 5)
    }

    @Test func colorsAreLevelsOfSurprise() throws {
        let text = "abcabccba"
        let (html, inspection) = try page(text, of: try model(knowing: text + "\n"))
        let levels = [0, 0.5, 1, 2, 3, 4, 6, 8, 11]
        let expected = inspection.score.tokens.enumerated().map { index, token in
            let bits = Double(token.surprisal) / log(2)
            let level = levels.count { $0 <= bits } - 1
            return "<i class=\"c\(level)\">\(Array(text)[index])</i>"
        }
        #expect(html.contains("<div id=\"text\"><div>\(expected.joined())</div></div>"))
    }

    @Test func aPageIsOneFile() throws {
        let (html, _) = try page("one two", of: try model(knowing: "one two\n"))
        for word in ["<link", "<img", "src=", "href=", "url(", "@import", "http", "fetch(", "import("] {
            #expect(!html.contains(word), "\(word)")
        }
        #expect(html == (try page("one two", of: try model(knowing: "one two\n"))).html)
    }

    @Test func textIsText() throws {
        let text = "</script><script>alert(1)</script>]]>&amp;\u{1B}[31m\u{202E}\"'\r\n<!--"
        // Its tokens are among the names of alternatives, too.
        for kind in TokenKind.allCases {
            let model = try model(knowing: text + " " + text, tokens: kind)
            let (html, _) = try page(text + " " + text, of: model, title: "<script>x</script>")
            let reader = PageReader(html)
            #expect(reader.isWellFormed)
            #expect(reader.elements.count { $0 == "script" } == 2)
            #expect(!html.contains("alert(1)</script>") && !html.contains("\u{202E}\"<"))
            #expect(!html.contains("\u{1B}"))
            _ = try data(of: html)
        }
    }

    @Test func bytesOfACharacterAreOneMark() throws {
        let text = "aä漢"
        let model = try model(knowing: text, tokens: .bytes)
        let bytes = Array(text.utf8) + [0xFF]
        let inspection = try model.inspect(bytes)
        let html = HeatMap(inspection, vocabulary: model.vocabulary, title: "", isCut: false).html
        // The first byte has a probability of 1/7, for the model knows no line feed.
        #expect(html.contains("<i class=\"c3\">a</i>"))
        for character in ["ä", "漢", "\u{FFFD}"] { #expect(html.contains(">\(character)</i>")) }
        let surprisal = numbers(try data(of: html).surprisal, as: Float.self)
        #expect(surprisal.count == 4 && abs(surprisal[0] - log(7)) < 1e-6)
        let tokens = inspection.score.tokens.map(\.surprisal)
        for (found, range) in zip(surprisal, [0..<1, 1..<3, 3..<6, 6..<7]) {
            #expect(abs(found - tokens[range].reduce(0, +)) < 1e-5)
        }
    }

    @Test func subwordsThatShareACharacterAreOneMark() throws {
        // No merge makes one of these characters, so that their tokens are bytes.
        let model = try model(knowing: "the the the", tokens: .subwords)
        let inspection = try model.inspect(Array("the ä漢 the".utf8) + [0x80])
        let html = HeatMap(inspection, vocabulary: model.vocabulary, title: "", isCut: false).html
        for mark in ["the", "ä", "漢", " the", "\u{FFFD}"] { #expect(html.contains(">\(mark)</i>")) }
        #expect(numbers(try data(of: html).surprisal, as: Float.self).count == 6)
        #expect(html.contains("bits per byte"))
    }

    @Test func wordsKeepWhatIsBetweenThem() throws {
        let text = "one  two\nthree"
        let (html, _) = try page(text, of: try model(knowing: text, tokens: .words))
        #expect(html.contains(">one  </i>"))
        // The words do not determine the bytes between them.
        #expect(!html.contains("bits per byte") && html.contains("perplexity"))
        #expect(html.contains(">two\n</i>"))
    }

    @Test func aTextThatIsCutSaysSo() throws {
        let model = try model(knowing: "one two\n")
        #expect(try page("one", of: model, isCut: true).html.contains("The text is longer"))
        #expect(try !page("one", of: model).html.contains("The text is longer"))
    }

    @Test func onlyHeatMapsAreReplaced() throws {
        let folder = try TemporaryFolder()
        let model = try model(knowing: "one two\n")
        let page = HeatMap(
            try model.inspect(Array("one".utf8)), vocabulary: model.vocabulary, title: "t", isCut: false)
        try page.write(to: folder("page.html"))
        try page.write(to: folder("page.html"))
        #expect(try String(contentsOf: folder("page.html"), encoding: .utf8) == page.html)
        for text in ["", "mine", "<!DOCTYPE html>\n<!-- unroll report -->\n"] {
            try folder.write(text, to: "mine.html")
            #expect(throws: ReportError.exists(path: folder("mine.html").relativePath, kind: "heat map")) {
                try page.write(to: folder("mine.html"))
            }
        }
    }
}
