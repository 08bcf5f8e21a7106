/// An expectation, and what came instead.
public struct Verdict: Sendable, Encodable {
    /// What was to come out.
    public var expectation: Expectation
    /// What came out; nil if the runs ended before.
    public var found: Double?
    /// Whether that is near enough.
    public var isMet: Bool

    init(_ expectation: Expectation, in settings: [SettingResult]) {
        self.expectation = expectation
        let setting =
            expectation.setting.flatMap { name in settings.first { $0.name == name } } ?? settings.first
        let figures = (setting?.runs ?? []).map { run in
            run.figure(expectation.figure, epoch: expectation.epoch)
        }
        let known = figures.compactMap { $0 }
        // A seed without a figure is no seed that met it.
        found =
            known.count < figures.count || known.isEmpty
            ? nil : expectation.of == .worst ? known.max() : median(known)
        isMet = found.map { $0.isFinite && $0 <= expectation.bound } ?? false
    }
}

/// The value in the middle, or the mean of the two there; nan of nothing.
func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}
