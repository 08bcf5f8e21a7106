import Foundation
import UnrollBase

/// A folder that holds a model, a checkpoint of its training, or nothing yet.
package struct ModelFolder: Sendable {
    /// The name of the file that says what the model is made of.
    package static let configurationName = FileSignature.configurationName
    /// The name of the file with the tokens.
    package static let vocabularyName = FileSignature.vocabularyName
    /// The name of the file with the n-gram model, if there is one beside the network.
    package static let ngramsName = "ngrams.bin"
    /// The name of the file with the parameters.
    package static let parametersName = FileSignature.parametersName

    /// The place of the folder.
    package let url: URL

    package init(_ url: URL) {
        // Absolute, so that it stays the same folder when the program changes its working directory.
        self.url = URL(fileURLWithPath: url.path)
    }

    /// The place of a file in the folder.
    package func url(of name: String) -> URL {
        url.appendingPathComponent(name)
    }

    /// Reads a file, or returns nil if there is none of this name.
    package func contents(of name: String) throws -> Data? {
        try FileSystem.contents(of: url(of: name))
    }
}
