extension LineChart {
    /// Something to compare the curves with, such as what a book reports.
    public struct Mark: Sendable, Equatable {
        /// Where a mark is.
        public enum Place: Sendable, Equatable {
            /// Single points, drawn as hollow markers.
            case points([Point])
            /// A horizontal level, drawn as a dashed line across the chart.
            case level(Double)
        }

        /// What the legend says.
        public var label: String
        /// Where the mark is.
        public var place: Place

        /// Makes a mark.
        public init(_ label: String, at place: Place) {
            self.label = label
            self.place = place
        }

        /// Makes a mark of single points.
        public static func points(_ points: [Point], label: String) -> Mark {
            Mark(label, at: .points(points))
        }

        /// Makes a mark of a horizontal level.
        public static func level(_ y: Double, label: String) -> Mark {
            Mark(label, at: .level(y))
        }
    }
}
