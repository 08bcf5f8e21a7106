/// Curves over a common axis, such as perplexity by epoch, that can be drawn for a page and for a terminal.
///
/// Every chart can be drawn, whatever the numbers are: what an axis cannot show (NaN, infinity, zero on a
/// logarithmic axis) leaves a gap. The same chart gives the same bytes.
public struct LineChart: Sendable, Equatable {
    /// What stands above the chart; empty for none.
    public var title: String
    /// A smaller line below the title, such as what all curves have in common.
    public var subtitle: String?
    /// The horizontal axis.
    public var xAxis: Axis
    /// The vertical axis.
    public var yAxis: Axis
    /// The curves, in the order of the legend.
    public var series: [Series]
    /// What the curves are compared with.
    public var marks: [Mark]

    /// Makes a chart.
    public init(
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
