import CUnrollKernels
import UnrollKernels

/// The words of 32 bits that matrix products read; [How a training step runs](<doc:HowATrainingStepRuns>) tells more.
struct WordFormat: Equatable {
    /// Numbers in a word.
    let units: Int
    /// Words after those of a panel of weights, for the scales of its outputs.
    let scaleWords: Int

    static let float32 = WordFormat(units: 1, scaleWords: 0)
    static let int8 = WordFormat(units: 4, scaleWords: 2 * PanelLayout.width)

    private init(units: Int, scaleWords: Int) {
        (self.units, self.scaleWords) = (units, scaleWords)
    }

    /// The words of a set of kernels.
    init(_ kernels: UnrollKernels) {
        self.init(units: Int(kernels.word_units), scaleWords: Int(kernels.scale_words))
    }

    /// Panels of an activation's words for the scales of its rows.
    var scalePanels: Int { scaleWords > 0 ? 1 : 0 }

    /// Whether there are words over rows, which training multiplies.
    var hasRowWords: Bool { self != .int8 }

    /// Words from one panel of weights over so many panels of inputs to the next.
    func weightPanel(inputPanels: Int) -> Int {
        inputPanels * PanelLayout.width * PanelLayout.width / units + scaleWords
    }
}
