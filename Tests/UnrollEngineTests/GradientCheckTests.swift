import Testing
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct GradientCheckTests {
    @Test func smoothCellsPass() throws {
        let smooth = ModelConfiguration.builtInCells.filter { $0 != ReLUCell.self }
        let cells: [any RecurrentCell.Type] =
            smooth + [LeakyCell.self, SplitCell.self, LinearCell.self]
        for cell in cells { #expect(try GradientCheck.greatestError(of: cell) < 1e-8, "\(cell.name)") }
    }

    /// What is not a number must not pass for a small difference.
    @Test func aFormulaThatOverflowsIsFound() throws {
        enum Overflowing: RecurrentCell {
            static let name = "overflowing"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": gates.z * 1e200 * 1e200 - gates.z * 1e200 * 1e200]
            }
        }
        #expect(try GradientCheck.greatestError(of: Overflowing.self) == .infinity)
    }

    @Test func anIllFormedCellIsRefused() {
        enum Nameless: RecurrentCell {
            static let name = "nameless"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": gates.input.x]
            }
        }
        #expect(throws: ModelError.self) { try GradientCheck.greatestError(of: Nameless.self) }
    }
}
