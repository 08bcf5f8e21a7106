/// One step of a recurrent layer, written as a formula.
///
/// Before the formula runs, every gate has been computed as `W_ih · input + b_ih + W_hh · h + b_hh`, where `h` is the
/// previous value of the first state. `step` says how gates and previous states make the new states. It runs on
/// symbols, once: engines derive the gradient from it and run both over whole layers. A formula that uses a gate's two
/// halves apart takes them as `gates.input.n`, which is `W_ih · input + b_ih`, and `gates.hidden.n`, `W_hh · h + b_hh`.
///
/// ```swift
/// enum TanhCell: RecurrentCell {
///     static let name = "tanh"
///     static let gates = ["z"]
///     static let states = ["h"]
///
///     static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
///         ["h": tanh(gates.z)]
///     }
/// }
/// ```
public protocol RecurrentCell: Sendable {
    /// The name in model folders and on the command line.
    static var name: String { get }
    /// The gates in the order in which their weights are stacked in `weight_ih` and `weight_hh`.
    static var gates: [String] { get }
    /// The states carried from step to step; the first is the output, seen by the gates of the next step.
    static var states: [String] { get }
    /// Returns the new value of every state.
    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues
}

/// The gates' values before any nonlinearity, read as members: `gates.z`.
@dynamicMemberLookup
public struct GateValues: Sendable {
    /// What the gates are without the previous state: `gates.input.n`.
    public var input: GateHalves { GateHalves(half: .input) }
    /// What the previous state adds to them: `gates.hidden.n`.
    public var hidden: GateHalves { GateHalves(half: .hidden) }

    init() {}

    /// The gate of that name; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        CellExpression(.gate(name, half: nil))
    }
}

/// One half of every gate, read as members.
@dynamicMemberLookup
public struct GateHalves: Sendable {
    let half: GateHalf

    /// That half of the gate of that name; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        CellExpression(.gate(name, half: half))
    }
}

/// Where a half of a gate comes from.
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

    /// The state of that name; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        entries.first { $0.name == name }?.value ?? CellExpression(.state(name))
    }
}
