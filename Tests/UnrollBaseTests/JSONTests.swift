import Foundation
import Testing
import UnrollBase

@Suite struct JSONTests {
    private struct Line: Encodable {
        var text = "inf"
        var numbers: [Double] = [1.5, .infinity, -.infinity, .nan]
        var single: Float = .infinity
        var inner = ["a": Double.nan, "b": 0.1]
        var seed = UInt64.max
        var negative = -3
        var flag = true
        var missing: Double?
    }

    @Test func whatIsNotFiniteIsNull() throws {
        let line = try JSONEncoder.unroll.encodeWithNulls(Line())
        #expect(
            String(decoding: line, as: UTF8.self) == """
                {"flag":true,"inner":{"a":null,"b":0.1},"negative":-3,"numbers":[1.5,null,null,null],\
                "seed":18446744073709551615,"single":null,"text":"inf"}
                """)
    }

    @Test func finiteValuesAreEncodedAsEver() throws {
        let line = Line(numbers: [1e300, 0.1, -0.0], single: 0.3, inner: [:])
        #expect(try JSONEncoder.unroll.encodeWithNulls(line) == JSONEncoder.unroll.encode(line))
    }

    @Test func otherErrorsPassThrough() {
        struct Failing: Encodable {
            func encode(to encoder: any Encoder) throws { throw CancellationError() }
        }
        #expect(throws: CancellationError.self) { try JSONEncoder.unroll.encodeWithNulls(Failing()) }
    }
}
