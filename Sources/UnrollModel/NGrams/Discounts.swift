/// The discounts of counts, in favor of sequences that have not been seen.
struct Discounts: Sendable, Equatable {
    /// The discount of a count of one.
    let once: Double
    /// The discount of a count of two.
    let twice: Double
    /// The discount of any other count.
    let more: Double

    subscript(count: UInt32) -> Double {
        switch count {
        case 1: once
        case 2: twice
        default: more
        }
    }

    /// Estimates discounts from the numbers of counts that are 1, 2, 3 and 4 (Chen and Goodman 1998, equation 26).
    ///
    /// Where a text is too short for that, all three are the discount of plain Kneser-Ney, or else 0.5.
    init(counts: [UInt32]) {
        var frequencies = [0.0, 0, 0, 0, 0]
        for count in counts where count < 5 { frequencies[Int(count)] += 1 }
        let (n1, n2, n3, n4) = (frequencies[1], frequencies[2], frequencies[3], frequencies[4])
        let single = n1 > 0 && n2 > 0 ? n1 / (n1 + 2 * n2) : 0.5
        let three = (1 - 2 * single * n2 / n1, 2 - 3 * single * n3 / n2, 3 - 4 * single * n4 / n3)
        // A discount must not exceed its count. NaN is in no range.
        let isPossible = (0...1).contains(three.0) && (0...2).contains(three.1) && (0...3).contains(three.2)
        (once, twice, more) = isPossible ? three : (single, single, single)
    }
}
