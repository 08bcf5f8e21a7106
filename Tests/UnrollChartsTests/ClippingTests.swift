import Testing
import UnrollCharts

struct ClippingTests {
    private func spots(_ pairs: (Double, Double)...) -> [Spot] { pairs.map { Spot(x: $0.0, y: $0.1) } }

    @Test func keepsWhatIsInside() {
        let line = spots((0, 0), (0.5, 1), (1, 0.25))
        #expect(Clipping.inside(line) == [line])
        #expect(Clipping.inside(spots((0.5, 0.5))) == [spots((0.5, 0.5))])
    }

    @Test func cutsWhereALineLeavesAndReturns() {
        let parts = Clipping.inside(spots((0, 0.5), (0.5, 1.5), (1, 0.5)))
        #expect(parts == [spots((0, 0.5), (0.25, 1)), spots((0.75, 1), (1, 0.5))])
    }

    @Test func crossesTheWholeChart() {
        #expect(Clipping.inside(spots((-1, 0.5), (2, 0.5))) == [spots((0, 0.5), (1, 0.5))])
        #expect(Clipping.inside(spots((0.25, -1e9), (0.25, 1e9))) == [spots((0.25, 0), (0.25, 1))])
    }

    @Test func dropsWhatIsOutside() {
        #expect(Clipping.inside(spots((0, 2), (1, 3))).isEmpty)
        #expect(Clipping.inside(spots((-1, 0.5), (0.5, 3))).isEmpty)
        #expect(Clipping.inside(spots((2, 2))).isEmpty)
        #expect(Clipping.inside([]).isEmpty)
    }
}
