import Foundation
import Testing
import UnrollCUDA
import UnrollKernels
import UnrollModel
import UnrollTestSupport

/// The functions that a cell's formula is printed as.
@Suite struct CellSourceTests {
    private static func text(_ cell: any RecurrentCell.Type, zoneout: Zoneout = Zoneout()) throws -> String {
        try KernelSource.recurrence(of: ModelConfiguration(cell: cell, zoneout: zoneout), .float32).text
    }

    @Test func theArticleShowsWhatIsPrinted() throws {
        let article = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/Unroll/Unroll.docc/Engines.md")
        let parts = try String(contentsOf: article, encoding: .utf8).components(separatedBy: "```")
        let code = try #require(parts.first { $0.hasPrefix("cpp\n") }?.dropFirst(4))
        #expect(try Self.text(LSTMCell.self).contains(code))
    }

    @Test func savedIsWhatIsNotAtHandAnyway() throws {
        // The derivative of tanh and ReLU follows from the new state.
        #expect(try Self.text(TanhCell.self).contains("#define SAVED 0\n"))
        #expect(try Self.text(ReLUCell.self).contains("#define SAVED 0\n"))
        #expect(try Self.text(LSTMCell.self).contains("#define SAVED 5\n"))
        // With zoneout, the new state is another number.
        #expect(try Self.text(TanhCell.self, zoneout: Zoneout(output: 0.1)).contains("#define SAVED 1\n"))
    }

    @Test func masksAreReadForStatesThatHaveOne() throws {
        #expect(try Self.text(LSTMCell.self).contains("IS_MASKED(state) (0x0ull"))
        #expect(
            try Self.text(LSTMCell.self, zoneout: Zoneout(memory: 0.1)).contains("IS_MASKED(state) (0x2ull"))
        #expect(try Self.text(OddCell.self, zoneout: Zoneout(output: 0.1, memory: 0.1)).contains("(0xfull"))
    }

    @Test func numbersThatHaveNoDigitsAreBits() throws {
        enum Endless: RecurrentCell {
            static let name = "endless"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": gates.z * CellExpression(floatLiteral: .infinity) + 1e-30]
            }
        }
        let text = try Self.text(Endless.self)
        #expect(text.contains("= __int_as_float(0x7f800000);"))
        #expect(text.contains("= 1e-30f;"))
    }
}
