import Foundation
import UnrollBase
import UnrollModel

/// A value of a run's configuration under its path of keys, such as `optimizer.learningRate`.
package struct Setting: Equatable, Sendable {
    package var name: String
    package var value: String

    /// The files with settings.
    enum File: String {
        case model = "config.json"
        case training = "training.json"
    }

    /// The keys that are of use to programs only.
    private static let leftOut: Set<String> = ["format", "version", "seal"]

    /// Reads a file of a run.
    ///
    /// One that is not there has no settings.
    ///
    /// - Throws: `FileError` or `ModelFolderError`.
    static func settings(in file: File, of folder: ModelFolder) throws -> [Setting] {
        guard let data = try folder.contents(of: file.rawValue) else { return [] }
        guard case .object(let members)? = try? JSONDecoder().decode(JSONValue.self, from: data) else {
            throw FileError.invalid(path: folder.url(of: file.rawValue).path, reason: "not a JSON object")
        }
        return members.filter { !leftOut.contains($0.key) }.sorted { $0.key < $1.key }
            .flatMap { leaves(of: $1, at: $0 == "options" ? "" : $0) }
    }

    private static func leaves(of value: JSONValue, at path: String) -> [Setting] {
        guard case .object(let members) = value, !members.isEmpty else {
            return [Setting(name: path, value: sourceNames.contains(path) ? fileNames(value) : words(value))]
        }
        return members.sorted { $0.key < $1.key }.flatMap { key, value in
            // Swift's name for an associated value without a label.
            let isNameless = key == "_0"
            return leaves(of: value, at: isNameless ? path : path.isEmpty ? key : "\(path).\(key)")
        }
    }

    private static func words(_ value: JSONValue) -> String {
        switch value {
        case .null: "none"
        case .bool(let value): value ? "yes" : "no"
        case .whole(let value): "\(value)"
        case .number(let value): Int(exactly: value).map { "\($0)" } ?? "\(value)"
        case .string(let value): value
        case .array(let values): values.map(words).joined(separator: ", ")
        case .object(let members):
            members.sorted { $0.key < $1.key }.map { "\($0): \(words($1))" }.joined(separator: ", ")
        }
    }

    /// The names of settings that are paths of the text that is learned.
    static let textNames = ["corpus.sources"]
    private static let sourceNames = textNames + ["corpus.validationSource", "corpus.testSource"]

    /// The names of files without their folders, which are not part of a configuration.
    private static func fileNames(_ paths: JSONValue) -> String {
        switch paths {
        case .string(let path): path.split(separator: "/").last.map(String.init) ?? path
        case .array(let paths): paths.map(fileNames).joined(separator: ", ")
        default: words(paths)
        }
    }
}
