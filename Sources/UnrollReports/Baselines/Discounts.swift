/// What is taken from a count, for those not seen: more from counts that are less by chance.
struct Discounts: Sendable, Equatable {
    /// From a count of one.
    let once: Double
    /// From a count of two.
    let twice: Double
    /// From any other.
    let more: Double

    subscript(count: UInt32) -> Double {
        switch count {
        case 1: once
        case 2: twice
        default: more
        }
    }

    /// Estimates discounts by how many counts are 1, 2, 3 and 4 (Chen and Goodman 1998, equation 26).
    ///
    /// Where a text is too short for that, all are the one of plain Kneser-Ney, or a half.
    init(counts: [UInt32]) {
        var frequencies = [0.0, 0, 0, 0, 0]
        for count in counts where count < 5 { frequencies[Int(count)] += 1 }
        let (n1, n2, n3, n4) = (frequencies[1], frequencies[2], frequencies[3], frequencies[4])
        let single = n1 > 0 && n2 > 0 ? n1 / (n1 + 2 * n2) : 0.5
        let three = (1 - 2 * single * n2 / n1, 2 - 3 * single * n3 / n2, 3 - 4 * single * n4 / n3)
        // Nothing may be given that was not there, and not a number is in no range.
        let isPossible = (0...1).contains(three.0) && (0...2).contains(three.1) && (0...3).contains(three.2)
        (once, twice, more) = isPossible ? three : (single, single, single)
    }
}
