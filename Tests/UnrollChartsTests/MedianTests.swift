import Testing
import UnrollCharts

struct MedianTests {
    private func median(_ lines: [LineChart.Point]..., y: LineChart.Scale = .linear) -> [[LineChart.Point]] {
        MedianCurve.segments(of: lines.map { CurveSegments($0, xScale: .linear, yScale: y) })
    }

    @Test func isTheMiddleOfThree() {
        #expect(
            median(Samples.line(1, 9, 5), Samples.line(2, 7, 6), Samples.line(3, 8, 1)) == [
                Samples.line(2, 8, 5)
            ])
    }

    @Test func isTheMeanOfTheMiddleTwo() {
        #expect(median(Samples.line(1, 4), Samples.line(3, 8)) == [Samples.line(2, 6)])
    }

    @Test func goesOnWithoutLinesThatHaveEnded() {
        #expect(
            median(Samples.line(1, 1), Samples.line(2, 2, 2, 2), Samples.line(9, 9, 9))
                == [Samples.line(2, 2, 5.5, 2)])
    }

    @Test func readsLinesBetweenTheirPoints() {
        let sparse = [LineChart.Point(x: 1, y: 0), .init(x: 3, y: 4)]
        #expect(median(sparse, Samples.line(2, 4, 6)) == [Samples.line(1, 3, 5)])
    }

    @Test func startsWithTheFirstLine() {
        #expect(median(Samples.line(1, 1, 1), Samples.line(5, from: 3)) == [Samples.line(1, 1, 3)])
    }

    @Test func keepsGapsThatAllLinesHave() {
        let pieces = median(Samples.line(1, .nan, 3, 4), Samples.line(1, .infinity, 5, 6))
        #expect(pieces == [Samples.line(1), Samples.line(4, 5, from: 3)])
    }

    @Test func bridgesGapsThatOneLineHas() {
        #expect(
            median(Samples.line(1, 0, 3), Samples.line(1, 7, 5), y: .logarithmic) == [Samples.line(1, 7, 4)])
    }

    @Test func ofOneLineIsTheLine() {
        #expect(median(Samples.line(3, 1, 2)) == [Samples.line(3, 1, 2)])
        #expect(median() == [])
    }

    @Test func readsLinesFromLeftToRight() {
        #expect(median(Samples.line(1, 2, 3).reversed(), Samples.line(3, 4, 5)) == [Samples.line(2, 3, 4)])
    }
}
