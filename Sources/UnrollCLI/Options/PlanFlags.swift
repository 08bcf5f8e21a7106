import ArgumentParser
import Unroll

/// Whether a new run is planned, and for how long.
struct PlanFlags: ParsableArguments {
    enum Preset: String, ExpressibleByArgument, CaseIterable {
        case plan
        case book
    }

    @Option(
        parsing: .unconditional,
        help: """
            Minutes that a run by plan may take (default: \(NumberFormat.decimal(TrainingPlanner().minutes))). The plan \
            is made for the text and the speed of this machine; every option that is given wins over it.
            """)
    var minutes: Double?

    @Option(
        help: """
            Where options that are not given come from: a plan, or the book's network, which memorizes its text \
            (default: plan; book for the bundled story).
            """)
    var preset: Preset?

    func validate() throws {
        if minutes != nil, preset == .book {
            throw ValidationError("--minutes is for a run by plan; leave it out, or --preset book")
        }
    }

    /// The flag that was given and makes no sense for a run that is settled otherwise; nil if none was.
    var given: String? { minutes != nil ? "--minutes" : preset != nil ? "--preset" : nil }
}
