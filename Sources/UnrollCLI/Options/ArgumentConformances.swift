import ArgumentParser
import Unroll

extension Preprocessing: ExpressibleByArgument {}
extension TokenKind: ExpressibleByArgument {}
extension Sampling: ExpressibleByArgument {}
extension Initializer: ExpressibleByArgument {}

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
