import Foundation
import UnrollBase

/// What recipes came to, as a table in Markdown.
package struct RecipeTable: Sendable {
    private static let header = [
        "recipe", "perplexity, median (seeds)", "least on the way", "held out, median (seeds)", "reported",
        "seconds a run",
        "against the reported speed", "as expected",
    ]
    private var rows: [[String]] = []

    /// A table without rows.
    package init() {}

    /// Adds a row for each setting of a recipe.
    package mutating func add(_ result: RecipeResult, of recipe: Recipe) {
        for (index, (setting, runs)) in zip(recipe.settings, result.settings.map(\.runs)).enumerated() {
            let verdicts = result.verdicts.filter { verdict in
                recipe.settings.count == 1 || verdict.expectation.setting == setting.name
            }
            let isFirst = index == 0
            rows.append(
                [
                    setting.name.isEmpty ? "`\(recipe.name)`" : "`\(recipe.name)`: \(setting.name)",
                    Self.figures(.perplexity, of: runs), Self.least(of: runs, isHeldOut: setting.isHeldOut),
                    setting.isHeldOut ? Self.heldOut(runs) : "", isFirst ? recipe.reported.result ?? "" : "",
                    NumberFormat.fixed((runs.map(\.seconds).median ?? .nan), decimals: 1),
                    isFirst ? Self.speeds(runs, of: recipe) : "", Self.words(verdicts),
                ].map(Self.escaped))
        }
    }

    /// The table, with a line for each row, columns of equal width, and without columns that say nothing.
    package var markdown: String {
        let columns = Self.header.indices.filter { column in rows.contains { !$0[column].isEmpty } }
        let widths = columns.map { column in
            ([Self.header] + rows).map { $0[column].count }.max() ?? 0
        }
        func line(_ row: [String]) -> String {
            let cells = zip(columns, widths).map { column, width in
                row[column] + String(repeating: " ", count: width - row[column].count)
            }
            return "| " + cells.joined(separator: " | ") + " |\n"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|\n"
        return line(Self.header) + rule + rows.map(line).joined()
    }

    /// A cell without what would end it.
    private static func escaped(_ cell: String) -> String {
        cell.split(whereSeparator: \.isNewline).joined(separator: " ").replacingOccurrences(
            of: "|", with: "\\|")
    }

    private static func figures(_ figure: Expectation.Figure, of runs: [RunResult]) -> String {
        let all = runs.compactMap { run in
            run.divergedInEpoch.map { "diverged in epoch \($0)" } ?? run.figure(figure).map(decimal)
        }
        return
            "\(decimal(runs.compactMap { $0.figure(figure) }.median ?? .nan)) (\(all.joined(separator: ", ")))"
    }

    /// The median of the seeds' least perplexities, held out where text is, also of those that diverged later.
    private static func least(of runs: [RunResult], isHeldOut: Bool) -> String {
        let values = runs.compactMap { run in
            (isHeldOut ? run.validationPerplexity : run.perplexity).min()
        }
        return values.isEmpty ? "" : decimal(values.median ?? .nan)
    }

    private static func heldOut(_ runs: [RunResult]) -> String {
        let exponentials = runs.compactMap(\.meanOfExponentials)
        let text = figures(.validationPerplexity, of: runs)
        return exponentials.count < runs.count
            ? text : text + "; mean of exponentials \(decimal(exponentials.median ?? .nan))"
    }

    private static func speeds(_ runs: [RunResult], of recipe: Recipe) -> String {
        let whole = runs.filter { $0.divergedInEpoch == nil }
        return (recipe.reported.speeds ?? []).compactMap { speed in
            let factors = whole.compactMap { run in
                speed.seconds(tokens: run.tokens, epochs: run.perplexity.count).map { $0 / run.seconds }
            }
            guard !factors.isEmpty else { return nil }
            return NumberFormat.fixed(factors.median ?? .nan, decimals: 1) + " times " + speed.by
        }.joined(separator: ", ")
    }

    private static func words(_ verdicts: [Verdict]) -> String {
        let missed = verdicts.filter { !$0.isMet }.map { verdict in
            let found = verdict.found.map(decimal) ?? "nothing"
            let epoch = verdict.expectation.epoch.map { " at epoch \($0)" } ?? ""
            return
                "\(verdict.expectation.of.rawValue) \(found)\(epoch), at most \(decimal(verdict.expectation.bound))"
        }
        return verdicts.isEmpty ? "" : missed.isEmpty ? "yes" : "no: " + missed.joined(separator: "; ")
    }

    /// Three digits after the point, or three in all where the number is large.
    private static func decimal(_ value: Double) -> String {
        value == .infinity ? "diverged" : NumberFormat.decimal(value)
    }
}
