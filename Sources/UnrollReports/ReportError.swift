import UnrollBase

/// Why a run could not be recorded or reported.
package enum ReportError: UnrollError, Equatable {
    /// The folder has neither the record of a training run nor its metrics.
    case notARun(path: String)
    /// A new run would be mixed with the events of another.
    case holdsOtherEvents(path: String)
    /// The page would replace a file that is no page of its kind.
    case exists(path: String, kind: String)

    /// One line that names the file or folder and the way out.
    package var description: String {
        switch self {
        case .notARun(let path):
            "\(path): not the folder of a training run, for it has neither training.json nor metrics.jsonl;"
                + " name a folder that unroll train has made"
        case .holdsOtherEvents(let path):
            "\(path): has the events of another run; choose another folder with --tensorboard, or remove it"
        case .exists(let path, let kind):
            "\(path): exists already and is no \(kind); choose another name (--output of a report, --heatmap of a heat map)"
        }
    }
}
