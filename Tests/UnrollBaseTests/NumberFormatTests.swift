import Foundation
import Testing
import UnrollBase

@Suite struct NumberFormatTests {
    /// Round numbers, exact ties, powers of two and ten and their neighbors, limits, and random ones of all sizes.
    private static let values: [Double] = {
        var values: [Double] = [
            0, 0.5, 1.5, 2.5, 0.125, 0.375, 0.0625, 0.001, 0.0005, 0.00049999, 0.9995, 0.99949, 9.9995,
            999.9995,
            1000, 1005, 1015, 123_456.5, 1e15, 1e16, 1e21, 1e22, 1e23, .leastNonzeroMagnitude,
            .leastNormalMagnitude,
            .greatestFiniteMagnitude, .pi, 1 / 3, 2 / 3, 0x1p53, 0x1p63, 0x1p64, 0.1, 0.2, 0.3, 0.05, 0.15,
            0.25,
        ]
        for power in -20...20 {
            let ten = pow(10, Double(power))
            values += [ten, ten.nextUp, ten.nextDown, 9.5 * ten, 9.9999995 * ten]
        }
        var random = RandomSource(seed: 1, purpose: .generation)
        for _ in 0..<300 {
            values.append(random.uniform() * 1000)
            values.append(Double(random.integer(below: 1_000_000)) / 8192)
            values.append(pow(10, random.uniform() * 40 - 20))
            let any = Double(bitPattern: random.next())
            if any.isFinite { values.append(any) }
        }
        return values + values.map { -$0 }
    }()

    @Test(arguments: 0...6) func fixedDecimalsAreThoseOfC(decimals: Int) {
        let others = Self.values.filter {
            NumberFormat.fixed($0, decimals: decimals) != String(format: "%.\(decimals)f", $0)
        }
        #expect(others == [])
    }

    @Test(arguments: 1...17) func significantDigitsAreThoseOfC(digits: Int) {
        let others = Self.values.filter {
            NumberFormat.significant($0, digits: digits) != String(format: "%.\(digits)g", $0)
        }
        #expect(others == [])
    }

    @Test func numbersThatAreNotFiniteHaveNames() {
        for value in [Double.nan, .infinity, -.infinity] {
            #expect(NumberFormat.fixed(value, decimals: 3) == "\(value)")
            #expect(NumberFormat.significant(value) == "\(value)")
            #expect(NumberFormat.decimal(value) == "\(value)")
            #expect(NumberFormat.grouped(value) == "\(value)")
        }
    }

    @Test(arguments: [
        (1.5, "1.500"), (999.9994, "999.999"), (1000, "1000"), (123_456.7, "123457"), (-5000.25, "-5000.25"),
        (999.9996, "1000"), (999_999.5, "1e+06"), (1_234_567, "1.23e+06"), (-999.9994, "-999.999"),
        (1.5e96, "1.5e+96"), (-1.5e96, "-1.5e+96"),
    ])
    func decimalsAreSixDigitsAtMost(value: Double, text: String) {
        #expect(NumberFormat.decimal(value) == text)
    }

    @Test(arguments: [
        (0, "0"), (-0.4, "0"), (-0.5, "-1"), (999, "999"), (999.5, "1,000"), (-1000, "-1,000"),
        (1_234_567, "1,234,567"),
        (-999_999, "-999,999"), (1e16, "1e+16"), (1.23456789e20, "1.23457e+20"),
    ])
    func groupsHaveThreeDigits(value: Double, text: String) {
        #expect(NumberFormat.grouped(value) == text)
    }

    @Test func separatorAndMinusCanBeOthers() {
        #expect(NumberFormat.grouped(-12_345, separator: " ", minus: "−") == "−12 345")
    }

    @Test(arguments: [
        (0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (36_605, "10:10:05"), (.nan, "?"),
        (1e9, "?"),
    ])
    func timesAreThoseOfAClock(seconds: Double, text: String) {
        #expect(NumberFormat.time(seconds) == text)
    }

    @Test(
        arguments: [
            (0, "0.0 s"), (9.94, "9.9 s"), (10, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
            (125, "2 min 05 s"),
            (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (86_700, "24 h 05 min"), (-1, nil), (.nan, nil),
            (1e9, nil),
        ] as [(Double, String?)])
    func durationsHaveTwoUnits(seconds: Double, text: String?) {
        #expect(NumberFormat.duration(seconds) == text)
    }

    @Test(arguments: [
        (1, "1.0 bytes"), (999, "999.0 bytes"), (1200, "1.2 KB"), (3.14e9, "3.1 GB"),
        (1e22, "more than 1000 PB"), (1.5e18, "more than 1000 PB"),
    ])
    func bytesHaveAUnit(count: Double, text: String) {
        #expect(NumberFormat.bytes(count) == text)
    }

    @Test func theMedianOfAnEvenNumberIsTheMeanOfTwo() {
        #expect([Double]().median == nil)
        #expect([3.0].median == 3)
        #expect([5.0, 1, 3].median == 3)
        #expect([4.0, 1, 3, 2].median == 2.5)
        #expect(
            [Double.greatestFiniteMagnitude, .greatestFiniteMagnitude].median == .greatestFiniteMagnitude)
    }

    @Test func markupIsText() {
        #expect(Markup.escaped("a<b> & \"c\" 'd'") { $0 } == "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;")
        #expect(Markup.escaped("a\u{0}b\u{202E}c\u{FFFF}d") { _ in nil } == "abcd")
        #expect(Markup.escaped("a\u{1B}b") { _ in " " } == "a b")
    }

    @Test func jsonHasItsKeysInOrder() throws {
        let value = ["b": "x/y", "a": "z"]
        #expect(
            String(decoding: try JSONEncoder.unroll.encode(value), as: UTF8.self) == #"{"a":"z","b":"x/y"}"#)
        let pretty = String(decoding: try JSONEncoder.unrollPretty.encode(value), as: UTF8.self)
        #expect(pretty == "{\n  \"a\" : \"z\",\n  \"b\" : \"x/y\"\n}")
    }

    @Test func theNearestWordIsSuggested() {
        #expect(Suggestion.nearest(to: "Learningrate", among: ["learningRate", "batch"]) == "learningRate")
        #expect(Suggestion.nearest(to: "bacth", among: ["learningRate", "batch"]) == "batch")
        #expect(Suggestion.nearest(to: "nothing alike", among: ["x"]) == nil)
    }
}
