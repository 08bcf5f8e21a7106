#if Serving
import Foundation
import Synchronization
import UnrollBase
import UnrollKernels
import UnrollModel

/// The models that a server offers, by name.
public final class ServedModels: Sendable {
    /// Where a model comes from, and its current version.
    private struct Entry {
        let source: Source
        var version: ServedModel
        /// The state of the folder that was read last, whether it was usable or not.
        var stamp: FolderStamp?
    }

    private enum Source {
        case value
        case folder(URL)
    }

    private struct Shelf {
        /// In the order in which they were added.
        var names: [String] = []
        var entries: [String: Entry] = [:]
    }

    private let batchSize: Int
    private let precision: Precision?
    private let threads: Int?
    /// Turns a model that was read into one that is computed by other engines.
    private let prepare: @Sendable (LanguageModel) throws -> LanguageModel
    private let shelf = Mutex(Shelf())

    /// Creates an empty collection.
    ///
    /// - Parameters:
    ///   - batchSize: Texts that are generated at the same time with each model, in 1...4096. Default: 64.
    ///   - precision: The number format of matrix-multiplication operands. Default: each model's own.
    ///   - threads: Threads that generate with each model. Default: as many as there are processors.
    ///   - prepare: What is done with a model that was read from a folder, such as `computed(by:)`. Default: nothing.
    public init(
        batchSize: Int = 64, precision: Precision? = nil, threads: Int? = nil,
        prepare: @escaping @Sendable (LanguageModel) throws -> LanguageModel = { $0 }
    ) {
        self.batchSize = batchSize
        self.precision = precision
        self.threads = threads
        self.prepare = prepare
    }

    /// Offers a model.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - name: The name by which requests ask for it; it takes the place of one with this name.
    /// - Throws: `ParameterError` for an empty name or a batch size that is out of range, `ModelError` if the model cannot be
    ///   described.
    public func add(_ model: LanguageModel, named name: String) throws {
        try add(model, named: name, created: Int(Date().timeIntervalSince1970), .value, stamp: nil)
    }

    /// Reads a model from its folder and offers it.
    ///
    /// - Parameters:
    ///   - folder: A model folder.
    ///   - name: The name by which requests ask for it. Default: the folder's.
    /// - Throws: As `LanguageModel(contentsOf:)`, and as ``add(_:named:)``.
    public func add(contentsOf folder: URL, named name: String? = nil) throws {
        // Before it is read, so that a change meanwhile is seen.
        let stamp = FolderStamp(of: folder)
        let model = try prepare(LanguageModel(contentsOf: folder))
        try add(
            model, named: name ?? folder.standardizedFileURL.lastPathComponent,
            created: stamp.modificationSeconds ?? Int(Date().timeIntervalSince1970), .folder(folder),
            stamp: stamp)
    }

    private func add(
        _ model: LanguageModel, named name: String, created: Int, _ source: Source, stamp: FolderStamp?
    ) throws {
        try ParameterError.require(!name.isEmpty, "name", is: "empty", but: "a text")
        let version = try ServedModel(
            model, id: name, created: created, batchSize: batchSize, precision: precision, threads: threads)
        shelf.withLock { shelf in
            if shelf.entries[name] == nil { shelf.names.append(name) }
            shelf.entries[name] = Entry(source: source, version: version, stamp: stamp)
        }
    }

    /// The names of all models, in the order in which they were added.
    public var names: [String] { shelf.withLock(\.names) }

    /// The current versions, in the order in which the models were added.
    var all: [ServedModel] {
        shelf.withLock { shelf in shelf.names.compactMap { shelf.entries[$0]?.version } }
    }

    /// The current version of a model; of the only one where no name is given.
    ///
    /// - Throws: `ServingError.unknownModel`, or `.missingField` if there are several.
    func model(_ name: String?) throws(ServingError) -> ServedModel {
        let all = all
        guard let name else {
            guard all.count == 1, let model = all.first else { throw .missingField("model") }
            return model
        }
        guard let model = all.first(where: { $0.id == name }) else {
            throw .unknownModel(name, known: all.map(\.id))
        }
        return model
    }

    // MARK: New versions

    /// Reads again the models whose folders have changed and are at rest.
    ///
    /// A version that cannot be read leaves the earlier one in its place, and is tried again when the folder changes.
    ///
    /// - Parameter earlier: The stamps of the call before: a folder that changes between two calls is still being written.
    /// - Returns: What was found of each folder that was read, and the stamps for the next call.
    func reload(
        after earlier: [String: FolderStamp]
    ) -> (outcomes: [(name: String, error: (any Error)?)], stamps: [String: FolderStamp]) {
        var stamps: [String: FolderStamp] = [:]
        var outcomes: [(name: String, error: (any Error)?)] = []
        for name in names {
            guard case .folder(let folder)? = shelf.withLock({ $0.entries[name]?.source }) else { continue }
            let stamp = FolderStamp(of: folder)
            stamps[name] = stamp
            let known = shelf.withLock { $0.entries[name]?.stamp }
            guard stamp != known, stamp == earlier[name] else { continue }
            do {
                try add(contentsOf: folder, named: name)
                outcomes.append((name, nil))
            } catch {
                shelf.withLock { $0.entries[name]?.stamp = stamp }
                outcomes.append((name, error))
            }
        }
        return (outcomes, stamps)
    }
}

/// Which files a model folder has, as far as the system tells without reading them.
struct FolderStamp: Sendable, Equatable {
    private let files: [FileStatus?]

    init(of folder: URL) {
        files = [
            ModelFolder.configurationName, ModelFolder.vocabularyName, ModelFolder.ngramsName,
            ModelFolder.parametersName,
        ].map { FileStatus(of: folder.appendingPathComponent($0).path) }
    }

    /// The time of the last change of the parameters, in seconds since 1970.
    var modificationSeconds: Int? { files.last.flatMap { $0?.modificationSeconds } }
}
#endif
