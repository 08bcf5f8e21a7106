import Foundation
import Testing
import UnrollCharts
import UnrollRecipes
import UnrollTraining

@Suite struct RecipeTableTests {
    /// The cells of a Markdown table.
    private func cells(_ markdown: String) -> [[String]] {
        markdown.split(separator: "\n").map { line in
            line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func everySettingHasARow() async throws {
        let changes = #"""
            {
              "variants": [{"name": "a"}, {"name": "b", "model": {"hiddenSize": 9}}],
              "reported": {"result": "2.5", "speeds": [{"by": "a snail", "tokensPerSecond": 1}]},
              "expected": [
                {"setting": "a", "figure": "perplexity", "of": "worst", "value": 99, "tolerance": 0},
                {"setting": "b", "figure": "perplexity", "of": "median", "value": 1, "tolerance": 0.5}
              ]
            }
            """#
        let result = try await TestRecipe.result(changes)
        var table = RecipeTable()
        table.add(result, of: try TestRecipe.recipe(changes))
        let rows = cells(table.markdown)
        #expect(Set(table.markdown.split(separator: "\n").map(\.count)).count == 1)
        #expect(
            rows[0] == [
                "recipe", "perplexity, median (seeds)", "least on the way", "reported", "seconds a run",
                "against the reported speed", "as expected",
            ])
        #expect(rows[2][0] == "`trial`: a" && rows[3][0] == "`trial`: b")
        let perplexities = result.settings[0].runs.compactMap(\.perplexity.last)
        let texts = perplexities.map { String(format: "%.3f", $0) }
        #expect(
            rows[2][1]
                == "\(String(format: "%.3f", perplexities.sorted()[1])) (\(texts.joined(separator: ", ")))")
        let least = result.settings[0].runs.compactMap { $0.perplexity.min() }.sorted()
        #expect(rows[2][2] == String(format: "%.3f", least[1]))
        #expect(rows[2][3] == "2.5" && rows[3][3].isEmpty)
        #expect(rows[2][5].hasSuffix(" times a snail"))
        #expect(rows[2][6] == "yes")
        #expect(rows[3][6].hasPrefix("no: median ") && rows[3][6].hasSuffix(", at most 1.500"))
        // A single variant's expectations need no name; what would end a cell is escaped.
        let single = #"""
            {
              "variants": [{"name": "a|b"}],
              "expected": [{"figure": "perplexity", "of": "worst", "value": 1, "tolerance": 0}]
            }
            """#
        var other = RecipeTable()
        other.add(try await TestRecipe.result(single), of: try TestRecipe.recipe(single))
        #expect(other.markdown.contains("`trial`: a\\|b "))
        #expect(other.markdown.contains("no: worst "))
        // What nobody has is no column.
        var plain = RecipeTable()
        plain.add(try await TestRecipe.result(), of: try TestRecipe.recipe())
        #expect(
            cells(plain.markdown)[0] == [
                "recipe", "perplexity, median (seeds)", "least on the way", "seconds a run",
            ])
    }

    @Test func whatExplodesLeavesTheChart() async throws {
        let changes = #"""
            {
              "variants": [
                {"name": "a"},
                {"name": "b", "training": {"optimizer": {"learningRate": 50, "maxGradientNorm": null}}}
              ]
            }
            """#
        let result = try await TestRecipe.result(changes)
        try #require(result.settings[1].runs.contains { ($0.perplexity.max() ?? 0) > 1e4 })
        let limits = try #require(LineChart(result, of: try TestRecipe.recipe(changes)).yAxis.limits)
        let learned = result.settings[0].runs.flatMap(\.perplexity)
        #expect(learned.allSatisfy(limits.contains))
        #expect(limits.upperBound < 1e3)
        // Where nothing explodes, the data are the limits.
        #expect(LineChart(try await TestRecipe.result(), of: try TestRecipe.recipe()).yAxis.limits == nil)
    }

    @Test func theChartHasALineForEachSeed() async throws {
        let recipe = try TestRecipe.recipe(
            #"""
            {
              "training": {"epochs": 4, "batchSize": 4, "sequenceLength": 5, "validationFraction": 0.3},
              "reported": {"curve": [{"epoch": 2, "perplexity": 9}]}
            }
            """#)
        let result = try await RecipeRunner(recipe, engine: .cpu(threads: 1)).run {
            try TestRecipe.corpus($0)
        }
        let chart = LineChart(result, of: recipe)
        #expect(chart.title == "A trial")
        #expect(chart.series.map(\.name) == ["training", "held out"])
        #expect(chart.series.allSatisfy { $0.lines.count == 3 && $0.lines.allSatisfy { $0.count == 4 } })
        #expect(chart.series[0].lines[0].map(\.y) == result.settings[0].runs[0].perplexity)
        #expect(chart.series[0].lines[0].map(\.x) == [1, 2, 3, 4])
        #expect(chart.marks == [.points([.init(x: 2, y: 9)], label: "reported")])
    }
}
