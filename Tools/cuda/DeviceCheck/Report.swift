import ArgumentParser
import Foundation
import UnrollBase

/// Lines of JSON, and what was wrong so far.
package final class Report {
    /// The outcomes that were not as they must be.
    package private(set) var failures: [CheckLine] = []
    private let output: (Data) -> Void

    /// Begins a report.
    ///
    /// - Parameter output: Gets each line. Default: standard output.
    package init(to output: @escaping (Data) -> Void = { FileHandle.standardOutput.write($0) }) {
        self.output = output
    }

    /// Writes a value as a line, at once.
    func write(_ value: some Encodable) {
        guard let line = try? JSONEncoder.unroll.encodeWithNulls(value) else {
            preconditionFailure("lines have numbers and texts, which can be encoded")
        }
        output(line + Data("\n".utf8))
    }

    /// Writes the outcome of a case, with the time that it took; an error that is thrown is a failure.
    func check(_ check: String, _ name: String, _ body: () async throws -> CheckLine) async {
        let start = ContinuousClock.now
        var line: CheckLine
        do {
            line = try await body()
        } catch {
            line = CheckLine(error: "\(error)", ok: false)
        }
        (line.check, line.name) = (check, name)
        line.seconds = start.duration(to: .now) / .seconds(1)
        if !line.ok { failures.append(line) }
        write(line)
    }

    /// Ends the command: with exit code 1 if anything was wrong.
    func finish() throws {
        if !failures.isEmpty { throw ExitCode.failure }
    }
}

/// The outcome of one case.
package struct CheckLine: Encodable {
    /// The kind of check.
    var check = ""
    /// The case, such as a cell, sizes and a precision.
    var name = ""
    /// The greatest relative error of a loss.
    var lossError: Double?
    /// The greatest error of a tensor, relative to its greatest element.
    var tensorError: Double?
    /// The tensor with that error.
    var worst: String?
    /// What went wrong, apart from errors that are too large.
    var error: String?
    /// Whether everything is as it must be.
    var ok = true
    /// How long the case took.
    var seconds = 0.0

    private enum CodingKeys: String, CodingKey {
        case check, name = "case", lossError, tensorError, worst, error, ok, seconds
    }

    /// Notes a loss, which must be within a tolerance of another.
    mutating func compare(loss: Double, with wanted: Double, within tolerance: Double) {
        let error = abs(loss / wanted - 1)
        lossError = max(lossError ?? 0, error.isNaN ? .infinity : error)
        // Not a number is as far as can be.
        if !(error < tolerance) { ok = false }
    }

    /// Notes a tensor, which must be within a tolerance of another.
    mutating func compare(
        _ name: String, _ values: [Double], with wanted: [Double], within tolerance: Double
    ) {
        let scale = wanted.reduce(1e-12) { max($0, abs($1)) }
        var error = values.count == wanted.count ? 0.0 : .infinity
        for (value, wanted) in zip(values, wanted) {
            let difference = abs(value - wanted) / scale
            error = max(error, difference.isNaN ? .infinity : difference)
        }
        if error >= tensorError ?? 0 { (tensorError, worst) = (error, name) }
        if !(error < tolerance) { ok = false }
    }

    /// Notes something that must be so.
    mutating func require(_ condition: Bool, _ what: String) {
        guard !condition else { return }
        ok = false
        error = error.map { "\($0); \(what)" } ?? what
    }
}
