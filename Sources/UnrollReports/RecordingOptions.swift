import Foundation
import UnrollTraining

/// What a recorder has to know of a run.
package struct RecordingOptions: Sendable {
    /// What samples go on from; nil for no samples.
    package var prompt: String?
    /// What computes.
    package var engine: EngineKind
    /// The program's version.
    package var programVersion: String
    /// The folder for event files; nil for none.
    package var tensorBoard: URL?
    /// Whether the run goes on from a checkpoint.
    package var isResumed: Bool

    package init(
        prompt: String?, engine: EngineKind, programVersion: String, tensorBoard: URL? = nil,
        isResumed: Bool = false
    ) {
        self.prompt = prompt
        self.engine = engine
        self.programVersion = programVersion
        self.tensorBoard = tensorBoard
        self.isResumed = isResumed
    }
}
