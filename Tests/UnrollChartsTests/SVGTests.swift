import Testing
import UnrollCharts

struct SVGTests {
    private func medians(_ reader: SVGReader) -> [String] {
        reader.paths.filter { $0.width == "2" }.map(\.data)
    }

    @Test(arguments: [LineChart.Scale.linear, .logarithmic], [LineChart.Scale.linear, .logarithmic])
    func drawsDegenerateData(x: LineChart.Scale, y: LineChart.Scale) {
        for (name, series) in Samples.degenerate {
            let reader = SVGReader(Samples.chart(series, x: x, y: y).svg())
            #expect(reader.isWellFormed, "\(name)")
            #expect(reader.isInside(), "\(name)")
            #expect(reader.texts.contains("perplexity"))
            #expect(reader.texts.count >= 11, "\(name): \(reader.texts)")
        }
    }

    @Test func drawsAnyNumbersAtAnySize() {
        var random = Random(state: 7)
        for _ in 0..<400 {
            let chart = Samples.random(&random)
            let reader = SVGReader(
                chart.svg(width: random.next(below: 900) - 50, height: random.next(below: 700) - 50))
            #expect(reader.isWellFormed)
            #expect(reader.isInside(), "\(chart)")
            #expect(!reader.hasOverlaps(), "\(chart)")
        }
    }

    @Test func escapesNames() {
        let name = "<b> & \"c\" 'd' \u{0}\u{1B}\u{FFFF}]]>"
        var chart = Samples.chart(
            [.init(name: name, line: Samples.line(1, 2))], marks: [.level(1, label: name)])
        chart.title = name
        chart.subtitle = name
        chart.xAxis.label = name
        chart.yAxis.label = name
        let svg = chart.svg()
        let reader = SVGReader(svg)
        #expect(reader.isWellFormed)
        #expect(reader.texts.filter { $0 == "<b> & \"c\" 'd'   ]]>" }.count >= 4)
        #expect(!svg.contains("<b>"))
    }

    @Test func isTheSameEveryTime() {
        let chart = Samples.chart([.init(name: "a", lines: [Samples.falling(epochs: 50, seed: 1)])])
        #expect(chart.svg() == chart.svg())
        #expect(
            chart.svg().hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"640\" height=\"400\""))
    }

    @Test func drawsTheMedianOnTopOfTheLines() {
        let lines = (1...3).map { Samples.falling(epochs: 40, seed: $0) }
        let several = SVGReader(Samples.chart([.init(name: "a", lines: lines)]).svg())
        #expect(medians(several).count == 2, "the curve and its sample in the legend")
        #expect(several.paths.filter { $0.width == ".75" }.count == 4)
        let first = several.paths.firstIndex { $0.width == "2" } ?? 0
        #expect(several.paths[..<first].filter { $0.width == ".75" }.count == 3)
        let one = SVGReader(Samples.chart([.init(name: "a", lines: [lines[0]])]).svg())
        #expect(one.paths.filter { $0.width == ".75" }.isEmpty)
    }

    @Test func crossesOutWhatEndsEarly() {
        func crosses(_ lines: [LineChart.Point]...) -> Int {
            let reader = SVGReader(Samples.chart([.init(name: "a", lines: lines)]).svg())
            let explained = reader.texts.contains { $0.hasPrefix("run ") }
            #expect(explained == (reader.crosses > 0))
            return max(0, reader.crosses - 1)
        }
        #expect(crosses(Samples.line(5, 4, 3), Samples.line(5, 4, 3)) == 0)
        #expect(crosses(Samples.line(5, 4, 3), Samples.line(5, 4)) == 1)
        #expect(crosses(Samples.line(5, 4, .nan)) == 1)
        #expect(crosses(Samples.line(5, .nan, 4)) == 0)
        #expect(crosses(Samples.line([9, 8, 7, 6, 5, 4, 3, 2, 2, 2, 1e30])) == 1, "leaves the chart")
        #expect(crosses(Samples.line([9, 8, 7, 6, 5, 4, 3, 2, 2, 1e30, 2])) == 0, "comes back")
    }

    @Test func drawsMarks() {
        let chart = Samples.chart(
            [.init(name: "a", line: Samples.line(5, 4, 3))],
            marks: [
                .points([.init(x: 1, y: 4), .init(x: 2, y: 3), .init(x: .nan, y: 3)], label: "book"),
                .level(1, label: "floor"), .level(.nan, label: "nowhere"),
            ])
        let reader = SVGReader(chart.svg())
        #expect(reader.circles == 3, "two, and the legend's")
        #expect(reader.texts.contains("book") && reader.texts.contains("floor"))
        #expect(reader.paths.filter { $0.width == "1" }.count == 3)
    }

    @Test func placesPointsToScale() throws {
        var chart = Samples.chart([.init(name: "", line: Samples.line(1, 10, 100))], y: .logarithmic)
        chart.yAxis.limits = 1...100
        let data = try #require(medians(SVGReader(chart.svg())).first)
        let steps = try #require(SVGReader.numbers(data.split(separator: "l")[1]))
        try #require(steps.count == 4)
        #expect(abs(steps[0] - steps[2]) <= 0.011)
        #expect(abs(steps[1] - steps[3]) <= 0.011)
        #expect(steps[0] > 100 && steps[1] < -50)
    }

    @Test func thinsManyPointsButKeepsSpikes() throws {
        var values = [Double](repeating: 5, count: 200_000)
        values[77_776] = 9
        values[77_777] = 1
        let data = try #require(
            medians(SVGReader(Samples.chart([.init(name: "", line: Samples.line(values))]).svg())).first)
        let steps = try #require(SVGReader.numbers(data.split(separator: "l")[1]))
        #expect(steps.count < 2 * 1_300)
        let heights = stride(from: 1, to: steps.count, by: 2).map { steps[$0] }
        let (up, down) = (heights.min() ?? 0, heights.max() ?? 0)
        #expect(down > 200, "from 9 to 1 is most of the chart's height")
        #expect(abs(up + down / 2) < 0.02)
    }

    @Test func leavesRoomForLongNumbersAtTheRight() {
        let points = [LineChart.Point(x: 0, y: 1), .init(x: 1.2e-12, y: 1.2e12)]
        let reader = SVGReader(Samples.chart([.init(name: "a", line: points)]).svg(width: 300))
        #expect(reader.texts.contains("1.2e-12"))
        #expect(reader.isInside())
    }

    @Test func staysSmall() {
        let series = (0..<8).map { index in
            LineChart.Series(
                name: "series \(index)",
                lines: (0..<3).map {
                    Samples.falling(epochs: 500, seed: UInt64(index * 3 + $0), to: 1 + Double(index))
                })
        }
        #expect(Samples.chart(series, y: .logarithmic).svg().utf8.count < 200_000)
    }

    @Test func saysHowManyNamesAreMissing() {
        let series = (0..<300).map {
            LineChart.Series(name: "series \($0)", line: Samples.line(Double($0), 1))
        }
        let reader = SVGReader(Samples.chart(series).svg())
        #expect(reader.isInside())
        let named = reader.texts.filter { $0.hasPrefix("series ") }.count
        #expect(named > 10)
        #expect(reader.texts.contains("… and \(300 - named) more"))
    }

    @Test func tellsSixtyFourSeriesApart() {
        let series = (0..<64).map { LineChart.Series(name: "", line: Samples.line(Double($0), 1)) }
        let svg = Samples.chart(series).svg()
        let looks = svg.split(separator: "\n").filter { $0.contains("stroke-width=\"2\"") }
            .map { $0.drop { $0 != "f" } }
        #expect(looks.count == 64)
        #expect(Set(looks).count == 64)
    }

    @Test func describesItself() {
        let chart = Samples.chart(
            [.init(name: "a", lines: [Samples.line(22, 1.03), Samples.line(22, 1.03)])],
            marks: [.level(1, label: "book")])
        #expect(
            SVGReader(chart.svg()).texts.contains { text in
                text.hasPrefix(
                    "A line chart of perplexity against epoch. a, median of 2 runs: from 22 at 1 to 1.03 at 2. book: 1."
                )
            })
    }
}
