import Foundation
import UnrollBase
import UnrollGeneration
import UnrollText

/// A page with a text in which each character is colored by its surprisal or by the activation of a hidden unit.
///
/// After the pictures in Karpathy, Johnson, Fei-Fei, "Visualizing and understanding recurrent networks", 2015.
package struct HeatMap: Sendable {
    private let inspection: TextInspection
    private let vocabulary: Vocabulary
    private let title: String
    private let marks: [HeatMark]
    /// Whether the text is the beginning of a longer one.
    private let isCut: Bool

    /// The greatest number of bytes of a text on a page.
    ///
    /// With more, browsers are slow.
    package static let maximumByteCount = 1 << 18

    /// Makes a page from a model's inspection of a text.
    ///
    /// - Parameters:
    ///   - inspection: The text, its score, and units.
    ///   - vocabulary: The model's vocabulary.
    ///   - title: The name of the text.
    ///   - isCut: Whether the text is the beginning of a longer one.
    package init(_ inspection: TextInspection, vocabulary: Vocabulary, title: String, isCut: Bool) {
        self.inspection = inspection
        self.vocabulary = vocabulary
        self.title = title
        self.isCut = isCut
        marks = HeatMark.marks(of: inspection, kind: vocabulary.kind)
    }

    /// The page; the same inspection gives the same bytes.
    package var html: String { page.html }

    /// Saves the page in place of an earlier one.
    ///
    /// - Throws: `ReportError.exists` if there is a file that is not a heat map, or `FileError`.
    package func write(to url: URL) throws {
        try page.write(to: url)
    }

    private var page: Page {
        Page(
            kind: "heat map", title: title, style: HeatMapStyle.css, script: HeatMapScript.code,
            content: "\(facts)\(notes)\(controls)\(text)\(units)\(data)")
    }

    // MARK: Parts

    private var facts: HTML {
        let score = inspection.score
        let perplexity = Evaluation(score).perplexity
        var facts = [
            ("tokens", Figure.grouped(score.tokens.count)), ("nats", Figure.decimal(score.nats)),
            ("perplexity", Figure.decimal(perplexity)),
        ]
        if let bits = score.bitsPerByte { facts.append(("bits per byte", Figure.decimal(bits))) }
        if let bits = score.bitsPerCharacter { facts.append(("bits per character", Figure.decimal(bits))) }
        if score.unknownCount > 0 {
            facts.append(("unknown to the model", Figure.grouped(score.unknownCount)))
        }
        let items = facts.map { name, value -> HTML in "<div><dt>\(name)</dt><dd>\(value)</dd></div>\n" }
        return "<dl class=\"facts\">\n\(items)</dl>\n"
    }

    private var notes: HTML {
        guard isCut else { return "" }
        let count = Figure.grouped(inspection.text.bytes.count)
        return "<ul class=\"notes\"><li>The text is longer; these are its first \(count) bytes.</li></ul>\n"
    }

    private var controls: HTML {
        let groups = TextFeature.allCases.compactMap { feature -> HTML? in
            let options = inspection.findings.filter { $0.feature == feature }.map { finding -> HTML in
                "<option value=\"\(finding.unit)\">\(name(of: finding)), r = \(Self.signed(finding.correlation))</option>\n"
            }
            return options.isEmpty ? nil : "<optgroup label=\"\(feature.title)\">\n\(options)</optgroup>\n"
        }
        let steps = HeatMark.levels.indices.map { level -> HTML in
            "<span><i class=\"c\(level)\"> </i> \(HeatMark.title(ofLevel: level))</span>\n"
        }
        return """
            <div class="controls">
            <label id="choice" hidden="hidden">Color by <select id="shade">
            <option value="">surprisal</option>
            \(groups)</select></label>
            <p class="legend" id="surprisal-legend"><b>surprisal in bits</b>
            \(steps)</p>
            <p class="legend" id="unit-legend" hidden="hidden"><b>activation</b>
            <span><i class="m8"> </i> <span id="least"></span></span>
            <span><i class="m4"> </i></span> <span><i class="p0"> </i> 0</span> <span><i class="p4"> </i></span>
            <span><i class="p8"> </i> <span id="greatest"></span></span></p>
            </div>

            """
    }

    /// The text in blocks of 40 lines.
    ///
    /// Browsers lay out only those in sight.
    private var text: HTML {
        var blocks: [HTML] = []
        var block: [HTML] = []
        var lineCount = 0
        for mark in marks {
            block.append(mark.html)
            if mark.endsLine { lineCount += 1 }
            if lineCount == 40 {
                blocks.append("<div>\(block)</div>")
                (block, lineCount) = ([], 0)
            }
        }
        if !block.isEmpty { blocks.append("<div>\(block)</div>") }
        return """
            <div id="text">\(blocks)</div>
            <output id="about" hidden="hidden">Point at a character, or tap it.</output>

            """
    }

    private var units: HTML {
        guard !inspection.findings.isEmpty else { return "" }
        let rows = inspection.findings.map { finding -> HTML in
            """
            <tr><td>\(finding.feature.title)</td><td>\(name(of: finding))</td>\
            <td class="number">\(Self.signed(finding.correlation))</td></tr>

            """
        }
        return """
            <h3>Units that keep track of something</h3>
            <p>For each of these, the \(TextInspection.unitsPerFeature) units with the greatest absolute correlation \
            (Pearson's r, over all tokens) between it and the unit's activation once the token was read. Only these \
            units are in this page. Of a state other than h, it is the tanh.</p>
            <div class="wide"><table class="units">
            <thead><tr><th>follows</th><th>unit</th><th class="number">r</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    private var data: HTML {
        let data = HeatMapData(inspection, marks: marks, vocabulary: vocabulary)
        return "<script type=\"application/json\" id=\"data\">\(data.json)</script>\n"
    }

    private func name(of finding: TextInspection.Finding) -> String {
        inspection.units[finding.unit].name
    }

    private static func signed(_ value: Double) -> String {
        let text = NumberFormat.decimal(value)
        return text.hasPrefix("-") ? "−" + text.dropFirst() : "+" + text
    }
}

extension TextInspection.Unit {
    /// Such as "layer 1, h[37]".
    var name: String { "layer \(layer + 1), \(state)[\(index)]" }
}
