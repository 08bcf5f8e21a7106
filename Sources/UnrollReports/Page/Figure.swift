import Foundation

/// Numbers as a page shows them.
enum Figure {
    /// What stands where there is no number.
    static let none = "–"

    /// A perplexity or bits: three digits after the point, or three significant ones for large numbers.
    static func decimal(_ value: Double?) -> String {
        guard let value, value.isFinite else { return none }
        return abs(value) < 1000 ? String(format: "%.3f", value) : grouped(value)
    }

    /// A whole number, with narrow spaces between groups of three digits.
    static func grouped(_ value: Double?) -> String {
        guard let value, value.isFinite, abs(value) < 1e15 else { return none }
        let digits = String(Int(value.rounded()).magnitude)
        var text = value <= -0.5 ? "−" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "\u{202F}" }
            text.append(digit)
        }
        return text
    }

    static func grouped(_ value: Int?) -> String {
        grouped(value.map(Double.init))
    }

    /// A time in the two largest units that it has.
    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, 0..<1e9 ~= seconds else { return none }
        let total = Int(seconds.rounded())
        return switch seconds {
        case ..<10: String(format: "%.1f s", seconds)
        case ..<59.5: "\(total) s"
        case ..<3599.5: String(format: "%d min %02d s", total / 60, total % 60)
        default: String(format: "%d h %02d min", total / 3600, total / 60 % 60)
        }
    }
}
