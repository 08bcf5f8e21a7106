import Foundation

/// The folder that a run saves to.
struct OutputFolder {
    let url: URL
    /// As the user wrote it.
    let name: String

    static let defaultName = "unroll-model"

    /// Takes the values of `--output` and of `--resume`, which wins; a new run needs a new or empty folder.
    init(output: String?, resume: String?) throws {
        name = resume ?? output ?? Self.nextFreeName()
        url = URL(fileURLWithPath: name, isDirectory: true)
        guard resume == nil else { return }
        let contents = try? FileManager.default.contentsOfDirectory(atPath: name)
        if FileManager.default.fileExists(atPath: name), contents?.isEmpty != true {
            throw Failure(
                "\(name): exists already; choose another --output, go on with --resume \(name), or remove it first"
            )
        }
    }

    private static func nextFreeName() -> String {
        var (name, number) = (defaultName, 1)
        while FileManager.default.fileExists(atPath: name) {
            number += 1
            name = "\(defaultName)-\(number)"
        }
        return name
    }
}
