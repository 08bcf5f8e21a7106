import Chapter
import Testing
import Unroll

@Suite struct ClippingTests {
    /// Together of norm 5: 1 + 4 + 4 and 16.
    static var gradients: [Tensor] {
        get throws { [try Tensor([1, -2, 2], shape: [1, 3]), Tensor(4)] }
    }

    @Test func shortGradientsStay() throws {
        #expect(try clipped(Self.gradients, to: 5.5) == Self.gradients)
        #expect(try clipped(Self.gradients, to: 5) == Self.gradients)
    }

    @Test func longGradientsEndAtTheBound() throws {
        let shortened = try clipped(Self.gradients, to: 0.5)
        for (gradient, expected) in zip(shortened, try Self.gradients.map { $0 * 0.1 }) {
            #expect(greatestDifference(gradient, expected) < 1e-7)
        }
        let squares = shortened.flatMap(\.elements).reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares.squareRoot() - 0.5) < 1e-7)
    }

    @Test func zerosStay() throws {
        #expect(try clipped([.zeros([2, 3])], to: 1) == [.zeros([2, 3])])
    }
}
