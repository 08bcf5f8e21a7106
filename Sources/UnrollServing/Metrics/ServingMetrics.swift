#if Serving
import CoreMetrics
import Metrics
import UnrollGeneration

/// What a server reports of its work.
struct ServingMetrics: Sendable {
    private let factory: any MetricsFactory

    init(_ factory: any MetricsFactory) {
        self.factory = factory
    }

    /// Counts an answer and the time that it took.
    func answered(_ route: String, status: Int, after time: Duration) {
        let labels = [("route", route), ("status", "\(status)")]
        Counter(label: "unroll_requests_total", dimensions: labels, factory: factory).increment()
        timer("unroll_request_seconds", [("route", route)]).record(duration: time)
    }

    /// Counts the tokens of a text that was generated.
    func generated(prompt: Int, completion: Int, model: String) {
        let labels = [("model", model)]
        Counter(label: "unroll_prompt_tokens_total", dimensions: labels, factory: factory)
            .increment(by: prompt)
        Counter(label: "unroll_generated_tokens_total", dimensions: labels, factory: factory)
            .increment(by: completion)
    }

    /// Counts the tokens of a text that was read for anything but generating.
    func read(_ count: Int, model: String) {
        Counter(label: "unroll_read_tokens_total", dimensions: [("model", model)], factory: factory)
            .increment(by: count)
    }

    /// Records the time from a request until its first token.
    func firstToken(after time: Duration, model: String) {
        timer("unroll_first_token_seconds", [("model", model)]).record(duration: time)
    }

    /// Sets the numbers that hold for the moment.
    func set(_ models: [ServedModel], states: (count: Int, bytes: Int)) {
        for model in models {
            let counts = model.generator.textCounts
            gauge("unroll_texts_running", [("model", model.id)], counts.running)
            gauge("unroll_texts_waiting", [("model", model.id)], counts.waiting)
        }
        gauge("unroll_states", [], states.count)
        gauge("unroll_state_bytes", [], states.bytes)
    }

    private func gauge(_ label: String, _ labels: [(String, String)], _ value: Int) {
        Meter(label: label, dimensions: labels, factory: factory).set(value)
    }

    private func timer(_ label: String, _ labels: [(String, String)]) -> Timer {
        Timer(label: label, dimensions: labels, factory: factory)
    }
}
#endif
