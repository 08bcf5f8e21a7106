import Foundation

/// What recipes came to, as a table in Markdown.
public struct RecipeTable: Sendable {
    private static let header = [
        "recipe", "perplexity, median (seeds)", "least on the way", "held out, median (seeds)", "reported",
        "seconds a run",
        "against the reported speed", "as expected",
    ]
    private var rows: [[String]] = []

    /// A table without rows.
    public init() {}

    /// Adds a row for each setting of a recipe.
    public mutating func add(_ result: RecipeResult, of recipe: Recipe) {
        for (index, setting) in result.settings.enumerated() {
            let verdicts = result.verdicts.filter { $0.expectation.setting ?? "" == setting.name }
            let seconds = setting.runs.map(\.seconds)
            let isFirst = index == 0
            rows.append([
                setting.name.isEmpty ? "`\(recipe.name)`" : "`\(recipe.name)`: \(setting.name)",
                figures(.perplexity, of: setting), least(setting), heldOut(setting),
                isFirst ? recipe.reported.result ?? "" : "",
                String(format: "%.1f", median(seconds)),
                isFirst ? speeds(setting, of: recipe) : "", verdicts.isEmpty ? "" : Self.words(verdicts),
            ])
        }
    }

    /// The table, with a line for each row, columns of equal width, and without columns that say nothing.
    public var markdown: String {
        let columns = Self.header.indices.filter { column in rows.contains { !$0[column].isEmpty } }
        let widths = columns.map { column in
            ([Self.header] + rows).map { $0[column].count }.max() ?? 0
        }
        func line(_ row: [String]) -> String {
            let cells = zip(columns, widths).map { column, width in
                row[column].padding(toLength: width, withPad: " ", startingAt: 0)
            }
            return "| " + cells.joined(separator: " | ") + " |\n"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|\n"
        return line(Self.header) + rule + rows.map(line).joined()
    }

    private func figures(_ figure: Expectation.Figure, of setting: SettingResult) -> String {
        let values = setting.runs.compactMap { $0.figure(figure) }
        guard !values.isEmpty else { return "" }
        let all = setting.runs.compactMap { run in
            run.divergedInEpoch.map { "diverged in epoch \($0)" } ?? run.figure(figure).map(Self.decimal)
        }
        return "\(Self.decimal(median(values))) (\(all.joined(separator: ", ")))"
    }

    /// The median of the seeds' least perplexities, held out where text is.
    private func least(_ setting: SettingResult) -> String {
        let values = setting.runs.compactMap { run in
            (run.validationPerplexity.isEmpty ? run.perplexity : run.validationPerplexity).min()
        }
        return values.isEmpty ? "" : Self.decimal(median(values))
    }

    private func heldOut(_ setting: SettingResult) -> String {
        let exponentials = setting.runs.compactMap(\.meanOfExponentials)
        let text = figures(.validationPerplexity, of: setting)
        return exponentials.isEmpty
            ? text : text + "; mean of exponentials \(Self.decimal(median(exponentials)))"
    }

    private func speeds(_ setting: SettingResult, of recipe: Recipe) -> String {
        (recipe.reported.speeds ?? []).compactMap { speed in
            let factors = setting.runs.compactMap { run in
                speed.seconds(tokens: run.tokens, epochs: run.perplexity.count).map { $0 / run.seconds }
            }
            guard !factors.isEmpty else { return nil }
            return String(format: "%.1f times \(speed.by)", median(factors))
        }.joined(separator: ", ")
    }

    private static func words(_ verdicts: [Verdict]) -> String {
        let missed = verdicts.filter { !$0.isMet }.map { verdict in
            let found = verdict.found.map(decimal) ?? "nothing"
            let epoch = verdict.expectation.epoch.map { " at epoch \($0)" } ?? ""
            return
                "\(verdict.expectation.of.rawValue) \(found)\(epoch), at most \(decimal(verdict.expectation.bound))"
        }
        return missed.isEmpty ? "yes" : "no: " + missed.joined(separator: "; ")
    }

    /// Three digits after the point where the number is small, three in all where it is not.
    private static func decimal(_ value: Double) -> String {
        switch value {
        case .infinity: "diverged"
        case ..<100: String(format: "%.3f", value)
        default: String(format: "%.3g", value)
        }
    }
}
