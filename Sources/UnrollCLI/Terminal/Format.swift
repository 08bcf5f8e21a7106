import Foundation

/// Numbers as people read them.
enum Format {
    /// Three digits after the point, or three significant ones for large numbers.
    static func decimal(_ value: Double) -> String {
        value.isFinite ? String(format: value < 1000 ? "%.3f" : "%.3g", value) : "\(value)"
    }

    /// Whole, with commas between groups of three digits.
    static func grouped(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        let digits = String(Int(value.rounded()))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3), text != "-" { text += "," }
            text.append(digit)
        }
        return text
    }

    /// Minutes and seconds, with hours if there are any.
    static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let total = Int(seconds.rounded())
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }
}
