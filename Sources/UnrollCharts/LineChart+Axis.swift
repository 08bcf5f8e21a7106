extension LineChart {
    /// How an axis spaces its numbers.
    public enum Scale: Sendable, Equatable {
        /// Equal differences are equally far apart.
        case linear
        /// Equal ratios are equally far apart; zero and negative numbers have no place.
        case logarithmic
    }

    /// One of the two axes.
    public struct Axis: Sendable, Equatable {
        /// What the numbers are, such as "epoch"; empty for none.
        public var label: String
        /// How the numbers are spaced.
        public var scale: Scale
        /// The first and last number to show; nil has them follow from the data.
        ///
        /// Limits that the scale cannot show count as nil.
        public var limits: ClosedRange<Double>?

        /// Makes an axis.
        public init(_ label: String, scale: Scale = .linear, limits: ClosedRange<Double>? = nil) {
            self.label = label
            self.scale = scale
            self.limits = limits
        }
    }
}
