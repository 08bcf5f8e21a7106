extension LineChart {
    /// A pair of numbers.
    public struct Point: Sendable, Equatable {
        /// Where along the horizontal axis.
        public var x: Double
        /// Where along the vertical axis.
        public var y: Double

        /// Makes a point.
        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// What has one name in the legend: the same experiment, once or with several random seeds.
    public struct Series: Sendable, Equatable {
        /// What the legend says.
        public var name: String
        /// One line for each random seed.
        ///
        /// Several lines are drawn thin, and their median on top of them. A line that ends before others of
        /// its series, or whose last points are not finite, has diverged: a small cross shows where.
        public var lines: [[Point]]

        /// Makes a series of several lines.
        public init(name: String, lines: [[Point]]) {
            self.name = name
            self.lines = lines
        }

        /// Makes a series of one line.
        public init(name: String, line: [Point]) {
            self.init(name: name, lines: [line])
        }
    }
}
