/// Curves over a common axis, such as perplexity by epoch, that can be drawn for a page and for a terminal.
///
/// Every chart can be drawn, whatever its numbers. A point that an axis cannot show (NaN, infinity, zero on a
/// logarithmic axis) leaves a gap. The same chart gives the same bytes.
package struct LineChart: Sendable, Equatable {
    /// The line above the chart; empty for none.
    package var title: String
    /// A smaller line below the title, for what all curves have in common.
    package var subtitle: String?
    /// The horizontal axis.
    package var xAxis: Axis
    /// The vertical axis.
    package var yAxis: Axis
    /// The curves, in the order of the legend.
    package var series: [Series]
    /// Values to compare the curves with.
    package var marks: [Mark]

    /// Makes a chart.
    package init(
        title: String, subtitle: String? = nil, xAxis: Axis, yAxis: Axis, series: [Series] = [],
        marks: [Mark] = []
    ) {
        self.title = title
        self.subtitle = subtitle
        self.xAxis = xAxis
        self.yAxis = yAxis
        self.series = series
        self.marks = marks
    }
}

extension LineChart {
    /// A point of a curve.
    package struct Point: Sendable, Equatable {
        /// The place on the horizontal axis.
        package var x: Double
        /// The place on the vertical axis.
        package var y: Double

        /// Makes a point.
        package init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// One experiment, with one or several random seeds, under one name in the legend.
    package struct Series: Sendable, Equatable {
        /// The text in the legend.
        package var name: String
        /// One line for each random seed.
        ///
        /// Several lines are drawn thin, and their median on top. A line that ends before others of its series,
        /// or whose last points are not finite, has diverged. A small cross shows where.
        package var lines: [[Point]]

        /// Makes a series of several lines.
        package init(name: String, lines: [[Point]]) {
            self.name = name
            self.lines = lines
        }

        /// Makes a series of one line.
        package init(name: String, line: [Point]) {
            self.init(name: name, lines: [line])
        }
    }

    /// The spacing of the numbers on an axis.
    package enum Scale: Sendable, Equatable {
        /// Equal differences are equally far apart.
        case linear
        /// Equal ratios are equally far apart; zero and negative numbers have no place.
        case logarithmic
    }

    /// One of the two axes.
    package struct Axis: Sendable, Equatable {
        /// The name of the quantity, such as "epoch"; empty for none.
        package var label: String
        /// The spacing of the numbers.
        package var scale: Scale
        /// The first and last number to show; nil to derive them from the data.
        ///
        /// Limits that the scale cannot show count as nil.
        package var limits: ClosedRange<Double>?

        /// Makes an axis.
        package init(_ label: String, scale: Scale = .linear, limits: ClosedRange<Double>? = nil) {
            self.label = label
            self.scale = scale
            self.limits = limits
        }
    }

    /// A value to compare the curves with, such as a published one.
    package struct Mark: Sendable, Equatable {
        /// The place of a mark.
        package enum Place: Sendable, Equatable {
            /// Single points, drawn as hollow markers.
            case points([Point])
            /// A horizontal level, drawn as a dashed line across the chart.
            case level(Double)
        }

        /// The text in the legend.
        package var label: String
        /// The place of the mark.
        package var place: Place

        /// Makes a mark.
        package init(_ label: String, at place: Place) {
            self.label = label
            self.place = place
        }

        /// Makes a mark of single points.
        package static func points(_ points: [Point], label: String) -> Mark {
            Mark(label, at: .points(points))
        }

        /// Makes a mark of a horizontal level.
        package static func level(_ y: Double, label: String) -> Mark {
            Mark(label, at: .level(y))
        }
    }
}
