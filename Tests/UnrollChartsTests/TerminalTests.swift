import Testing
import UnrollCharts

struct TerminalTests {
    @Test func drawsAStraightLine() {
        let chart = LineChart(
            title: "", xAxis: .init("epoch", limits: 0...10), yAxis: .init("loss", limits: 0...10),
            series: [.init(name: "a", line: [.init(x: 0, y: 10), .init(x: 10, y: 0)])],
            marks: [.level(0, label: "floor")])
        #expect(
            chart.terminalLines(columns: 14, rows: 8) == [
                "loss",
                "10 ┤⠑⢄",
                "   │  ⠑⢄",
                " 5 ┤    ⠑⢄",
                "   │      ⠑⢄",
                " 0 ┤⡀ ⡀ ⡀ ⡀ ⡑⢄",
                "   └──────────",
                "    0 epoch 10",
            ])
        #expect(chart.terminalLines(columns: 7, rows: 2) == ["⠑⠢⢄⡀", "⡀ ⡀⠈⡑⠢⣄"])
    }

    @Test func neverExceedsItsSize() {
        var random = Random(state: 3)
        for _ in 0..<3_000 {
            let chart = Samples.random(&random)
            let (columns, rows) = (random.next(below: 90), random.next(below: 30))
            let lines = chart.terminalLines(columns: columns, rows: rows)
            #expect(lines.count <= rows)
            #expect(columns == 0 || rows == 0 || !lines.isEmpty)
            for line in lines {
                #expect(TextWidth.columns(line) <= columns, "\(line)")
                #expect(line.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 })
            }
        }
    }

    @Test(arguments: [LineChart.Scale.linear, .logarithmic])
    func drawsDegenerateData(scale: LineChart.Scale) {
        for (name, series) in Samples.degenerate {
            let lines = Samples.chart(series, y: scale).terminalLines(columns: 60, rows: 12)
            #expect(lines.count == 12, "\(name)")
            #expect(lines.filter { $0.contains("┤") }.count >= 3, "\(name)")
        }
    }

    @Test func hugeTerminalsNeedNoHugeMemory() {
        let lines = Samples.chart([]).terminalLines(columns: .max, rows: .max)
        #expect(lines.count <= 500)
        #expect(Samples.chart([]).terminalLines(columns: -1, rows: .min).isEmpty)
    }

    @Test func namesSeveralSeriesInTheOrderOfTheirEnds() {
        let series = [("low", 1.0), ("high", 9.0), ("middle", 1.1)].map { name, end in
            LineChart.Series(name: name, line: Samples.line(10, end))
        }
        let lines = Samples.chart(series).terminalLines(columns: 60, rows: 12)
        let rows = ["high", "middle", "low"].map { name in lines.firstIndex { $0.hasSuffix(" " + name) } }
        #expect(rows.allSatisfy { $0 != nil })
        #expect(rows.compactMap(\.self) == rows.compactMap(\.self).sorted())
        let tied = ["a", "b", "c"].map { LineChart.Series(name: $0, line: Samples.line(10, 1)) }
        let last = Samples.chart(tied).terminalLines(columns: 60, rows: 12).dropLast(2).suffix(3)
        #expect(last.compactMap(\.last) == ["a", "b", "c"])
        let one = Samples.chart([series[0]]).terminalLines(columns: 60, rows: 12)
        #expect(!one.contains { $0.contains("low") })
    }

    @Test func hasThreeToFiveLabels() {
        var random = Random(state: 5)
        for _ in 0..<200 {
            let values = (0..<20).map { _ in random.unit() * 100 }
            let lines = Samples.chart([.init(name: "a", line: Samples.line(values))])
                .terminalLines(columns: 70, rows: 14)
            #expect(3...5 ~= lines.filter { $0.contains("┤") }.count)
        }
    }

    @Test func canvasSetsEachDot() {
        let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
        for y in 0..<4 {
            for x in 0..<2 {
                var canvas = BrailleCanvas(columns: 2, rows: 2)
                canvas.set(x: x + 2, y: y + 4)
                canvas.set(x: 4, y: 0)
                canvas.set(x: 0, y: -1)
                #expect(canvas.text(row: 0) == "  ")
                #expect(canvas.text(row: 1).unicodeScalars.map(\.value) == [32, 0x2800 + bits[y][x]])
            }
        }
    }

    @Test(arguments: [("abc", 3), ("模型", 4), ("e\u{301}", 1), ("😀", 2), ("┤⠑", 2), ("", 0)])
    func measuresText(text: String, columns: Int) {
        #expect(TextWidth.columns(text) == columns)
    }

    @Test func shortensText() {
        #expect(TextWidth.shortened("abcdef", columns: 6) == "abcdef")
        #expect(TextWidth.shortened("abcdef", columns: 4) == "abc…")
        #expect(TextWidth.shortened("模型模型", columns: 4) == "模…")
        #expect(TextWidth.shortened("abc", columns: 0) == "")
        #expect(TextWidth.printable("a\u{1B}[2J\u{202E}\nb\u{FE0F}") == "a [2J b")
    }
}
