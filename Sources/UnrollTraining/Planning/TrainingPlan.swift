import UnrollModel

/// A model and the options of a run that suit a text, a machine and the time that there is.
///
/// ```swift
/// let plan = try await TrainingPlanner(minutes: 5).plan(for: book)
/// let trainer = try Trainer(corpus: book, model: plan.model, options: plan.options)
/// ```
///
/// Long texts are better read as subwords, `Corpus(contentsOf: url, tokens: .subwords)`, as the command does;
/// ``TrainingPlanner/prefersSubwords(_:)`` says whether one is long enough.
///
/// How fast the machine is, is measured, which takes a second or two: another machine may get another plan. A run by a plan is
/// recorded as any other, and what resumes it needs no plan.
public struct TrainingPlan: Sendable {
    /// The model.
    public var model: ModelConfiguration
    /// The options of the run.
    public var options: TrainingOptions
    /// Minutes that the run may take.
    public var minutes: Double
    /// Tokens that train.
    public var trainingTokens: Int
    /// Tokens that are held out.
    public var heldOutTokens: Int
    /// The number of parameters.
    public var parameterCount: Int
    /// Minibatches of the run.
    public var steps: Int
    /// Passes over the text that they are, of which the last may be a part.
    public var epochs: Double
    /// Tokens that the engine trained on in a second when the plan was made.
    public var tokensPerSecond: Double
    /// Seconds that the run is going to take, validation included.
    public var seconds: Double
    /// The engine of the run and, where it was chosen, why, such as `cpu (avx512bf16, bfloat16)`.
    public var engine: String
}
