import ArgumentParser
import Unroll

extension Preprocessing: ExpressibleByArgument {}
extension TokenKind: ExpressibleByArgument {}
extension Partitioning: ExpressibleByArgument {}
extension WeightInitializer: ExpressibleByArgument {}
extension OptimizerName: ExpressibleByArgument {}
extension ScheduleName: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// A cell by its name.
struct CellName: ExpressibleByArgument {
    let type: any RecurrentCell.Type

    init(type: any RecurrentCell.Type) {
        self.type = type
    }

    init?(argument: String) {
        guard let type = ModelConfiguration.builtInCells.first(where: { $0.name == argument }) else {
            return nil
        }
        self.type = type
    }

    var defaultValueDescription: String { type.name }

    static var allValueStrings: [String] { ModelConfiguration.builtInCells.map { $0.name } }
}

/// The size of the vector that stands for a token, or `one-hot`.
struct EmbeddingSize: ExpressibleByArgument {
    /// Nil for one-hot vectors.
    let value: Int?

    init(value: Int?) {
        self.value = value
    }

    init?(argument: String) {
        value = Int(argument)
        guard value != nil || argument == Self.oneHot else { return nil }
    }

    var defaultValueDescription: String { value.map { "\($0)" } ?? Self.oneHot }

    private static let oneHot = "one-hot"
}
