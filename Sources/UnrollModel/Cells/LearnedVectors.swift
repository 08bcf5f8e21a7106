/// The vectors that a cell learns beside its gates' weights, one number per unit: their names and first values.
///
/// Written as a dictionary and read as members: with `["leak": -2]`, a formula uses `parameters.leak`. Every layer has
/// vectors of its own, which are trained, saved and averaged as its biases are.
@dynamicMemberLookup
public struct LearnedVectors: Sendable, ExpressibleByDictionaryLiteral {
    let entries: [(name: String, initialValue: Double)]

    /// Declares vectors with the value that all of their numbers begin with.
    ///
    /// A name has letters from A to Z, digits and underscores, the first not a digit, and occurs once; a value is finite.
    /// Anything else is reported when the cell is used.
    public init(dictionaryLiteral elements: (String, Double)...) {
        entries = elements.map { (name: $0.0, initialValue: $0.1) }
    }

    /// The named vector; a name that the cell does not declare is reported when the cell is used.
    public subscript(dynamicMember name: String) -> CellExpression {
        CellExpression(.parameter(name))
    }
}

extension LearnedVectors {
    /// Names that a layer's other parameters have.
    private static let taken: Set<String> = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]

    /// What is wrong with the declaration, as the end of a sentence about a cell; nil if nothing is.
    var problem: String? {
        var names: Set<String> = []
        for (name, initialValue) in entries {
            guard name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil, !Self.taken.contains(name) else {
                return Self.taken.contains(name)
                    ? "no vector can have the name '\(name)', which is that of another parameter"
                    : "the name '\(name)' of a vector must be letters, digits and underscores, the first not a digit"
            }
            guard names.insert(name).inserted else { return "it declares the vector '\(name)' twice" }
            guard Float(initialValue).isFinite else {
                return "the vector '\(name)' begins with \(initialValue), which is not a finite number"
            }
        }
        return nil
    }
}

extension RecurrentCell {
    /// No learned vectors.
    public static var parameters: LearnedVectors { [:] }

    /// The names of the learned vectors in the order in which they are declared.
    package static var vectorNames: [String] { parameters.entries.map(\.name) }
}

extension ModelConfiguration {
    /// A learned vector of a layer.
    package struct Vector: Sendable {
        /// The name of the parameter, such as `rnn.leak_l0`.
        package let name: String
        /// What each of its numbers is in a new model.
        package let initialValue: Double
    }

    /// The learned vectors of a layer in the order in which they are declared.
    package func vectors(ofLayer layer: Int) -> [Vector] {
        cell.parameters.entries.map {
            Vector(name: "rnn.\($0.name)_l\(layer)", initialValue: $0.initialValue)
        }
    }

    /// The learned vectors of all layers.
    package var vectors: [Vector] { (0..<max(layerCount, 0)).flatMap(vectors(ofLayer:)) }
}
