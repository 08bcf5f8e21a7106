#if Serving
import CoreMetrics
import Foundation
import Synchronization

/// Metrics that are kept in memory and written in Prometheus' text format.
///
/// It takes what any library of the program reports through swift-metrics, when it is given to `MetricsSystem.bootstrap`.
///
/// Format: https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
public final class PrometheusMetrics: MetricsFactory, Sendable {
    /// The upper bounds of the buckets of durations, in seconds.
    static let durationBuckets = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    /// What is known of a metric with these labels.
    private struct Series {
        var value = 0.0
        /// Of a histogram: how many values were at most each bucket's bound, and how many there were at all.
        var bucketCounts: [Int] = []
        var count = 0
    }

    fileprivate enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private struct Metric {
        let kind: Kind
        var series: [String: Series] = [:]
    }

    private let metrics = Mutex<[String: Metric]>([:])

    /// Creates an empty collection.
    public init() {}

    /// All metrics in Prometheus' text format.
    public var text: String {
        var lines: [String] = []
        for (name, metric) in metrics.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            lines.append("# TYPE \(name) \(metric.kind.rawValue)")
            for (labels, series) in metric.series.sorted(by: { $0.key < $1.key }) {
                lines += Self.lines(name, labels, series, metric.kind)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func lines(_ name: String, _ labels: String, _ series: Series, _ kind: Kind) -> [String] {
        func line(_ suffix: String, _ labels: String, _ value: some CustomStringConvertible) -> String {
            "\(name)\(suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(value)"
        }
        guard kind == .histogram else { return [line("", labels, number(series.value))] }
        let prefix = labels.isEmpty ? "" : labels + ","
        let buckets = zip(durationBuckets, series.bucketCounts).map { bound, count in
            line("_bucket", prefix + "le=\"\(number(bound))\"", count)
        }
        return buckets + [
            line("_bucket", prefix + "le=\"+Inf\"", series.count),
            line("_sum", labels, number(series.value)), line("_count", labels, series.count),
        ]
    }

    /// A whole number without a point, as it would be written by hand.
    private static func number(_ value: Double) -> String {
        Int(exactly: value).map(String.init) ?? "\(value)"
    }

    // MARK: Recording

    fileprivate func change(_ name: String, _ labels: String, _ kind: Kind, to value: (Double) -> Double) {
        metrics.withLock { metrics in
            // A second metric of the same name and of another kind would make the text invalid.
            guard metrics[name, default: Metric(kind: kind)].kind == kind else { return }
            let old = metrics[name]?.series[labels]?.value ?? 0
            metrics[name, default: Metric(kind: kind)].series[labels, default: Series()].value = value(old)
        }
    }

    fileprivate func observe(_ value: Double, _ name: String, _ labels: String) {
        metrics.withLock { metrics in
            guard metrics[name, default: Metric(kind: .histogram)].kind == .histogram else { return }
            var series = metrics[name]?.series[labels] ?? Series()
            if series.bucketCounts.isEmpty {
                series.bucketCounts = Self.durationBuckets.map { _ in 0 }
            }
            for (index, bound) in Self.durationBuckets.enumerated() where value <= bound {
                series.bucketCounts[index] += 1
            }
            series.count += 1
            series.value += value
            metrics[name, default: Metric(kind: .histogram)].series[labels] = series
        }
    }

    fileprivate func remove(_ name: String, _ labels: String) {
        metrics.withLock { $0[name]?.series[labels] = nil }
    }

    // MARK: MetricsFactory

    /// A number that grows.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Handler(label, dimensions, .counter, of: self)
    }

    /// A number that grows by fractions.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        Handler(label, dimensions, .counter, of: self)
    }

    /// A number that rises and falls.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        Handler(label, dimensions, .gauge, of: self)
    }

    /// A histogram, or the last number that was recorded.
    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        Handler(label, dimensions, aggregate ? .histogram : .gauge, of: self)
    }

    /// A histogram of durations in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Handler(label, dimensions, .histogram, of: self)
    }

    /// Forgets a counter.
    public func destroyCounter(_ handler: any CounterHandler) { (handler as? Handler)?.remove() }
    /// Forgets a counter of fractions.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
        (handler as? Handler)?.remove()
    }
    /// Forgets a meter.
    public func destroyMeter(_ handler: any MeterHandler) { (handler as? Handler)?.remove() }
    /// Forgets a recorder.
    public func destroyRecorder(_ handler: any RecorderHandler) { (handler as? Handler)?.remove() }
    /// Forgets a timer.
    public func destroyTimer(_ handler: any TimerHandler) { (handler as? Handler)?.remove() }
}

/// A metric with some labels, of any kind.
private final class Handler: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler,
    TimerHandler, Sendable
{
    private let name: String
    private let labels: String
    private let kind: PrometheusMetrics.Kind
    private let metrics: PrometheusMetrics

    init(
        _ label: String, _ dimensions: [(String, String)], _ kind: PrometheusMetrics.Kind,
        of metrics: PrometheusMetrics
    ) {
        name = Self.name(label)
        labels = dimensions.map { "\(Self.name($0.0))=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        self.kind = kind
        self.metrics = metrics
    }

    /// Prometheus' names have letters, digits and underscores.
    private static func name(_ text: String) -> String {
        let name = String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        return name.first?.isNumber ?? true ? "_" + name : name
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    func remove() { metrics.remove(name, labels) }

    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { metrics.change(name, labels, kind) { $0 + amount } }
    func decrement(by amount: Double) { metrics.change(name, labels, kind) { $0 - amount } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { metrics.change(name, labels, kind) { _ in value } }
    func reset() { set(0.0) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        if kind == .histogram { metrics.observe(value, name, labels) } else { set(value) }
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}
#endif
