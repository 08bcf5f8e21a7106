import UnrollBase

/// Why a run could not be recorded or reported.
package enum ReportError: UnrollError, Equatable {
    /// The folder has neither the record of a training run nor its metrics.
    case notARun(path: String)
    /// The folder has the events of another run than the new one.
    case holdsOtherEvents(path: String)
    /// The page would replace a file that is not a page of its kind.
    case exists(path: String, kind: String)

    /// One line that names the file or folder and the way out.
    package var description: String {
        switch self {
        case .notARun(let path):
            "\(path): not the folder of a training run, for it has neither training.json nor metrics.jsonl;"
                + " name a folder that a training run has written"
        case .holdsOtherEvents(let path):
            "\(path): has the events of another run; choose another folder, or remove them"
        case .exists(let path, let kind):
            "\(path): exists already and is not a \(kind); choose another name"
        }
    }
}
