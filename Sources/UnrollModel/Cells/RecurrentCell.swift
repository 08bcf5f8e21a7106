/// One step of a recurrent layer, written as a formula.
///
/// Before the formula runs, every gate has been computed as `W_ih · input + b_ih + W_hh · h + b_hh`, where `h` is the
/// previous value of the first state. `step` computes the new states from gates and previous states. It runs on symbols,
/// once: engines derive the gradient from it and run both over whole layers.
///
/// ```swift
/// enum LeakyCell: RecurrentCell {
///     static let name = "leaky"
///     static let gates = ["z"]
///     static let states = ["h"]
///
///     static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
///         ["h": 0.9 * previous.h + 0.1 * tanh(gates.z)]
///     }
/// }
/// ```
///
/// A formula may use, and use nothing else:
///
/// | written as | what it is |
/// |---|---|
/// | `gates.z` | the gate `z`, before any nonlinearity |
/// | `gates.input.z`, `gates.hidden.z` | its halves, `W_ih · input + b_ih` and `W_hh · h + b_hh` |
/// | `previous.h` | the previous value of the state `h` |
/// | `parameters.leak` | the learned vector `leak`, one number per unit |
/// | `layerInput` | what the layer reads for the unit, after dropout; see below |
/// | `0.5`, `1`, `rate` | a constant: a literal, a variable of type `Double` beside an operator, or `CellExpression(rate)` |
/// | `a + b`, `a - b`, `a * b`, `a / b`, `-a` | sum, difference, product, quotient, negative |
/// | `a += b`, `-=`, `*=`, `/=` | the same, into a variable of the formula |
/// | `tanh(a)`, `sigmoid(a)`, `relu(a)` | the hyperbolic tangent; 1 / (1 + exp(-a)); max(a, 0) |
/// | `softplus(a)`, `silu(a)` | log(1 + exp(a)); a · sigmoid(a) |
/// | `exp(a)`, `log(a)`, `sqrt(a)`, `abs(a)` | exponential function, natural logarithm, square root, absolute value |
/// | `pow(a, 1.5)` | a power; the exponent is a number |
/// | `min(a, b)`, `max(a, b)` | the lesser and the greater of two |
///
/// All of these are ``CellExpression``s and work unit by unit; only the gates mix units. There is no comparison and no
/// branch on a value: symbols have none. Helper functions that take and return `CellExpression`, loops over a fixed count
/// and local variables are fine. A gate may be used whole, in halves, or both.
///
/// A *learned vector* has one number for each unit of a layer, which training changes as it changes biases. The cell
/// declares its name and the value that its numbers begin with:
///
/// ```swift
/// enum LearnedLeakCell: RecurrentCell {
///     static let name = "learned-leak"
///     static let gates = ["z"]
///     static let states = ["h"]
///     static let parameters: LearnedVectors = ["leak": -2]
///
///     static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
///         let leak = sigmoid(parameters.leak)
///         return ["h": (1 - leak) * previous.h + leak * tanh(gates.z)]
///     }
/// }
/// ```
///
/// Each layer has its own, `rnn.leak_l0` and so on, of shape `[H]`, after the layer's biases.
///
/// `layerInput` has a meaning only where a layer's input has as many numbers as the layer has units: in layers above the
/// first, and in the first with an embedding of size `H`. A model without one is refused with
/// `ModelError.inputOfAnotherSize`.
///
/// Division by zero, the logarithm of a negative number and the like are not errors of their own. Their result is
/// infinite or NaN, and so is the loss, which ends a training run as any diverged loss does.
///
/// A name that the cell does not declare is reported as `ModelError.invalidCell` when the configuration is checked, before
/// anything is computed; `GradientCheck` compares the derived gradient with the formula's slope.
public protocol RecurrentCell: Sendable {
    /// The name in model folders; not that of a built-in cell, nor of another cell of the program.
    static var name: String { get }
    /// The gates in the order in which their weights are stacked in `weight_ih` and `weight_hh`.
    static var gates: [String] { get }
    /// The states carried from step to step; the first is the output, seen by the gates of the next step.
    static var states: [String] { get }
    /// The learned vectors with their first values, in the order in which they are saved.
    ///
    /// Default: none.
    static var parameters: LearnedVectors { get }
    /// Returns the new value of every state.
    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues
}

extension RecurrentCell {
    /// What the layer reads for each unit: a number of the token's vector or of the output of the layer below, after dropout.
    ///
    /// A formula that uses it needs an embedding of the layers' size.
    public static var layerInput: CellExpression { CellExpression(.layerInput) }
}

/// The gates' values before any nonlinearity, read as members: `gates.z`.
@dynamicMemberLookup
public struct GateValues: Sendable {
    /// The gates without the previous state: `gates.input.n`.
    public var input: GateHalves { GateHalves(half: .input) }
    /// The part of the gates from the previous state: `gates.hidden.n`.
    public var hidden: GateHalves { GateHalves(half: .hidden) }

    init() {}

    /// The named gate; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        CellExpression(.gate(name, half: nil))
    }
}

/// One half of every gate, read as members.
@dynamicMemberLookup
public struct GateHalves: Sendable {
    let half: GateHalf

    /// The named gate's input or hidden half; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        CellExpression(.gate(name, half: half))
    }
}

/// The source of a half of a gate.
enum GateHalf: Sendable {
    case input
    case hidden
}

/// The states' values, read as members (`previous.h`) and written as a dictionary (`["h": …]`).
@dynamicMemberLookup
public struct StateValues: Sendable, ExpressibleByDictionaryLiteral {
    let entries: [(name: String, value: CellExpression)]

    /// Collects the new value of every state.
    public init(dictionaryLiteral elements: (String, CellExpression)...) {
        entries = elements.map { (name: $0.0, value: $0.1) }
    }

    /// The named state; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        entries.first { $0.name == name }?.value ?? CellExpression(.state(name))
    }
}
