import Foundation

/// A whole number times a power of ten: what is written as 0.3, and not its nearest neighbor in binary.
package struct RoundNumber: Equatable, Sendable {
    package let digits: Int
    package let exponent: Int

    package init(digits: Int, exponent: Int) {
        self.digits = digits
        self.exponent = exponent
    }

    /// The nearest number of a few significant digits, without zeros at its end.
    package init(_ value: Double, significant count: Int = 4) {
        guard value.isFinite, value != 0 else {
            self.init(digits: 0, exponent: 0)
            return
        }
        var exponent = Int(floor(log10(abs(value)))) - count + 1
        let scaled = exponent < 0 ? value * pow(10, Double(-exponent)) : value / pow(10, Double(exponent))
        // Beyond 1e300 the power may be infinite; no such number is drawn, but none may stop a program.
        guard scaled.isFinite else {
            self.init(digits: 0, exponent: 0)
            return
        }
        var digits = Int(scaled.rounded())
        while digits != 0, digits.isMultiple(of: 10) {
            digits /= 10
            exponent += 1
        }
        self.init(digits: digits, exponent: exponent)
    }

    package var value: Double {
        exponent < 0
            ? Double(digits) / pow(10, Double(-exponent)) : Double(digits) * pow(10, Double(exponent))
    }

    package var label: String {
        isLong ? scientific : plain
    }

    /// The labels of one axis: all with an exponent if one of them needs it.
    package static func labels(_ numbers: [RoundNumber]) -> [String] {
        let isLong = numbers.contains(where: \.isLong)
        return numbers.map { isLong ? $0.scientific : $0.plain }
    }

    /// Whether an exponent makes it easier to read: from a million on, or with more than five decimals.
    private var isLong: Bool {
        digits != 0 && (exponent < -5 || exponent + String(digits.magnitude).count > 6)
    }

    private var plain: String {
        guard exponent < 0 else {
            return digits == 0 ? "0" : String(digits) + String(repeating: "0", count: exponent)
        }
        var text = String(digits.magnitude)
        let missing = 1 - exponent - text.count
        if missing > 0 { text = String(repeating: "0", count: missing) + text }
        text.insert(".", at: text.index(text.endIndex, offsetBy: exponent))
        return digits < 0 ? "-" + text : text
    }

    private var scientific: String {
        guard digits != 0 else { return "0" }
        var text = String(digits.magnitude)
        let first = text.removeFirst()
        let power = exponent + text.count
        while text.last == "0" { text.removeLast() }
        return "\(digits < 0 ? "-" : "")\(first)\(text.isEmpty ? "" : ".")\(text)e\(power)"
    }
}
