/// What came of a recipe.
public struct RecipeResult: Sendable, Encodable {
    /// The recipe's name.
    public var recipe: String
    /// The recipe's title.
    public var title: String
    /// What came of each setting.
    public var settings: [SettingResult]
    /// Which expectations were met.
    public var verdicts: [Verdict] = []

    /// Whether every expectation was met.
    public var isAsExpected: Bool { verdicts.allSatisfy(\.isMet) }
}

/// What came of a setting.
public struct SettingResult: Sendable, Encodable {
    /// The setting's name; empty if the recipe has only one.
    public var name: String
    /// A run for each seed.
    public var runs: [RunResult]
}
