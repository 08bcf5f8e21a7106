/// Numbers as people read them.
///
/// Decimal digits come from the exact value of a number, as those of C's `printf` do, and exact ties go to the even
/// digit. There is no locale: the point is a point everywhere.
package enum NumberFormat {
    /// A number of digits after the point, as C's `%.3f` does for 3; "nan", "inf" and "-inf" where there are none.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return notFinite(value) }
        let rounded = Decimal(value.magnitude).rounded(to: -decimals)
        return sign(of: value) + rounded.plain(decimals: decimals)
    }

    /// Significant digits without trailing zeros, as C's `%g` does; with an exponent below 0.0001 and where the
    /// digits before the point are more than `digits`.
    package static func significant(_ value: Double, digits: Int = 6) -> String {
        guard value.isFinite else { return notFinite(value) }
        guard value != 0 else { return sign(of: value) + "0" }
        let exact = Decimal(value.magnitude)
        var rounded = exact.rounded(to: exact.greatestPlace - digits + 1)
        rounded.removeTrailingZeros()
        let power = rounded.greatestPlace
        if power < -4 || power >= digits { return sign(of: value) + rounded.scientific }
        return sign(of: value) + rounded.plain(decimals: max(0, -rounded.place))
    }

    /// Three digits after the point, or six significant ones where that would be more; three from a million on, where
    /// an exponent stands beside them.
    package static func decimal(_ value: Double) -> String {
        switch value.magnitude {
        case ..<999.9995: fixed(value, decimals: 3)
        case ..<999_999.5: significant(value)
        default: significant(value, digits: 3)
        }
    }

    /// The nearest whole number, with a separator between groups of three digits: for counts, all of whose digits count.
    package static func grouped(_ value: Double, separator: String = ",", minus: String = "-") -> String {
        guard abs(value) < 1e15 else { return significant(value) }
        let whole = Int(value.rounded())
        let digits = String(whole.magnitude)
        var text = whole < 0 ? minus : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += separator }
            text.append(digit)
        }
        return text
    }

    /// A whole number with leading zeros.
    package static func padded(_ value: Int, digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// Seconds as a clock shows them: minutes and seconds, with hours if there are any.
    package static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let total = Int(seconds.rounded())
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        return hours > 0
            ? "\(hours):\(padded(minutes, digits: 2)):\(padded(rest, digits: 2))"
            : "\(minutes):\(padded(rest, digits: 2))"
    }

    /// Seconds in the two largest units that they have, such as "2 min 05 s"; nil unless in 0..<1e9.
    package static func duration(_ seconds: Double) -> String? {
        guard seconds.isFinite, 0..<1e9 ~= seconds else { return nil }
        let total = Int(seconds.rounded())
        return switch seconds {
        case ..<10: fixed(seconds, decimals: 1) + " s"
        case ..<59.5: "\(total) s"
        case ..<3599.5: "\(total / 60) min \(padded(total % 60, digits: 2)) s"
        default: "\(total / 3600) h \(padded(total / 60 % 60, digits: 2)) min"
        }
    }

    /// Bytes in the largest decimal unit that they have, such as "1.2 GB"; "more than 1000 PB" beyond.
    package static func bytes(_ count: Double) -> String {
        let units = ["bytes", "KB", "MB", "GB", "TB", "PB"]
        var (value, unit) = (count, 0)
        while value >= 1000, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
        return value < 1000 ? "\((value * 10).rounded() / 10) \(units[unit])" : "more than 1000 PB"
    }

    private static func sign(of value: Double) -> String { value.sign == .minus ? "-" : "" }

    private static func notFinite(_ value: Double) -> String {
        value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
    }
}

/// The digits of a number that is not negative: `digits` times ten to the power `place`.
private struct Decimal {
    /// From the greatest place to the least, 0 to 9, without leading zeros; empty for zero.
    private(set) var digits: [UInt8]
    /// The power of ten of the last digit.
    private(set) var place: Int

    /// The power of ten of the first digit.
    var greatestPlace: Int { place + digits.count - 1 }

    /// The exact value of a finite number.
    init(_ value: Double) {
        // A whole number times a power of two is a whole number times a power of ten: m/2 is 5m/10.
        var (significand, exponent) = (value.significandBitPattern, Int(value.exponentBitPattern) - 1075)
        if value.isNormal { significand |= 1 << 52 } else { exponent += 1 }
        let zeros = significand == 0 ? 0 : significand.trailingZeroBitCount
        (significand, exponent) = (significand >> UInt64(zeros), significand == 0 ? 0 : exponent + zeros)
        // Limbs of nine digits, the lowest first.
        let base: UInt64 = 1_000_000_000
        var limbs = [significand % base, significand / base]
        for _ in 0..<exponent.magnitude {
            var carry: UInt64 = 0
            for index in limbs.indices {
                (carry, limbs[index]) = (limbs[index] * (exponent < 0 ? 5 : 2) + carry).quotientAndRemainder(
                    dividingBy: base)
            }
            if carry > 0 { limbs.append(carry) }
        }
        digits = []
        for limb in limbs {
            var rest = limb
            for _ in 0..<9 {
                digits.append(UInt8(rest % 10))
                rest /= 10
            }
        }
        while digits.last == 0 { digits.removeLast() }
        digits.reverse()
        place = min(exponent, 0)
    }

    /// The nearest multiple of ten to the power `place`, of two that are equally near the even one.
    func rounded(to place: Int) -> Decimal {
        let dropped = place - self.place
        guard dropped > 0 else { return self }
        var result = self
        result.place = place
        result.digits.removeLast(min(dropped, digits.count))
        guard dropped <= digits.count else { return result }
        let rest = digits.suffix(dropped)
        let isTie = rest.first == 5 && rest.dropFirst().allSatisfy { $0 == 0 }
        let isUp = isTie ? (result.digits.last ?? 0) % 2 == 1 : (rest.first ?? 0) >= 5
        if isUp { result.increment() }
        return result
    }

    private mutating func increment() {
        for index in digits.indices.reversed() {
            guard digits[index] == 9 else {
                digits[index] += 1
                return
            }
            digits[index] = 0
        }
        digits.insert(1, at: 0)
    }

    mutating func removeTrailingZeros() {
        while digits.last == 0 {
            digits.removeLast()
            place += 1
        }
    }

    /// The digits with so many after the point.
    func plain(decimals: Int) -> String {
        var text =
            digits.map { String($0) }.joined() + String(repeating: "0", count: max(0, place + decimals))
        text = String(repeating: "0", count: max(0, decimals + 1 - text.count)) + text
        if decimals > 0 { text.insert(".", at: text.index(text.endIndex, offsetBy: -decimals)) }
        return text
    }

    /// One digit before the point, and the power of ten in at least two digits.
    var scientific: String {
        var text = digits.map { String($0) }.joined()
        if digits.count > 1 { text.insert(".", at: text.index(after: text.startIndex)) }
        let power = greatestPlace
        return text + (power < 0 ? "e-" : "e+") + NumberFormat.padded(abs(power), digits: 2)
    }
}

extension Sequence<Double> {
    /// The value in the middle, or the mean of the two there; nil for no values.
    package var median: Double? {
        let sorted = sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        // Halves first, as the sum of two large numbers may be infinite.
        return sorted.count.isMultiple(of: 2) ? sorted[middle - 1] / 2 + sorted[middle] / 2 : sorted[middle]
    }
}
