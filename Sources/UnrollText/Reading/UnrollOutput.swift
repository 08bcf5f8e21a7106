import Foundation
import UnrollBase

/// What Unroll writes, and leaves out of a folder that is read as a text.
public enum UnrollOutput: Sendable, Equatable, CaseIterable, CustomStringConvertible {
    /// A folder with a model or with the checkpoint of a run.
    case modelFolder
    /// A folder with a network that was exported to ONNX or PyTorch.
    case exportedNetwork
    /// The token ids of a large text.
    case tokenCache
    /// A safetensors file: parameters, the state of a run or of a generation.
    case tensors
    /// A compressed text.
    case compressedText
    /// A page in HTML, such as a report or a heat map.
    case page
    /// A file of events for TensorBoard.
    case events
    /// The results of a recipe, and their chart.
    case recipeResult

    /// The kind with its article, such as "a model folder".
    public var description: String {
        switch self {
        case .modelFolder: "a model folder"
        case .exportedNetwork: "an exported network"
        case .tokenCache: "a token cache"
        case .tensors: "a safetensors file"
        case .compressedText: "a compressed text"
        case .page: "a page of Unroll"
        case .events: "a file of events for TensorBoard"
        case .recipeResult: "a result of a recipe"
        }
    }
}

/// Recognition by marks in the contents; by names only where a file has no mark.
extension UnrollOutput {
    /// The bytes of the longest JSON file in which the name of its format is looked for.
    private static let longestDescription = 1 << 24
    private static let chartExtension = ".svg"

    /// What the file is; nil for a text.
    ///
    /// - Parameters:
    ///   - name: The name of a file.
    ///   - folder: The path of its folder.
    ///   - names: The names of all files of the folder.
    init?(file name: String, in folder: String, with names: Set<String>) {
        if name.contains(FileSignature.events) {
            self = .events
            return
        }
        if name.hasSuffix(Self.chartExtension) {
            let result = name.dropLast(Self.chartExtension.count) + FileSignature.recipeResultName
            guard names.contains(String(result)) else { return nil }
            self.init(file: String(result), in: folder, with: names)
            return
        }
        guard let file = try? InputFile("\(folder)/\(name)"), let size = try? file.status().size,
            let start = try? file.bytes(0..<FileSignature.page.utf8.count)
        else { return nil }
        if start.starts(with: FileSignature.compressedText) {
            self = .compressedText
        } else if start.starts(with: FileSignature.page.utf8) {
            self = .page
        } else if name.hasSuffix(FileSignature.recipeResultName),
            start.starts(with: FileSignature.recipeResult.utf8)
        {
            self = .recipeResult
        } else if Self.areTensors(start, fileSize: size) {
            self = .tensors
        } else if size > 8, (try? file.bytes(size - 8..<size)) == Self.endOfTokenCache {
            self = .tokenCache
        } else {
            return nil
        }
    }

    private static let endOfTokenCache = withUnsafeBytes(of: FileSignature.tokenCache.littleEndian) {
        Array($0)
    }

    /// Whether a file begins as safetensors do: with the length of a JSON object, in eight bytes, and this object.
    private static func areTensors(_ start: [UInt8], fileSize: Int) -> Bool {
        let length = start.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return start.dropFirst(8).starts(with: #"{""#.utf8) && length < fileSize - 8
    }

    private struct Header: Decodable {
        let format: String
    }

    /// What the folder is; nil for one of texts.
    ///
    /// - Parameters:
    ///   - folder: The path of a folder.
    ///   - names: The names of all files in it.
    init?(folder: String, with names: Set<String>) {
        func describes(_ name: String, _ format: String) -> Bool {
            guard names.contains(name), let file = try? InputFile("\(folder)/\(name)"),
                let bytes = try? file.bytes(0..<Self.longestDescription)
            else { return false }
            return (try? JSONDecoder().decode(Header.self, from: Data(bytes)))?.format == format
        }
        // A model of another program has both files as well.
        if names.isSuperset(of: [FileSignature.configurationName, FileSignature.parametersName])
            || describes(FileSignature.configurationName, FileSignature.model)
            || describes(FileSignature.trainingName, FileSignature.training)
        {
            self = .modelFolder
        } else if !names.isDisjoint(with: [FileSignature.onnxName, FileSignature.torchName]),
            describes(FileSignature.vocabularyName, FileSignature.vocabulary)
        {
            self = .exportedNetwork
        } else {
            return nil
        }
    }
}
