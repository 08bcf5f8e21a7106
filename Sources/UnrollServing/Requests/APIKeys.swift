#if Serving
import Foundation
import UnrollBase

/// The keys of which a request needs one.
public struct APIKeys: Sendable {
    private let digests: [[UInt8]]

    /// Takes keys.
    ///
    /// - Parameter keys: The keys; white space at their ends and empty ones are left out.
    /// - Throws: `ParameterError` if there is none, or one has a character that no header can have.
    public init(_ keys: some Sequence<String>) throws(ParameterError) {
        let keys = keys.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.filter { !$0.isEmpty }
        try ParameterError.require(!keys.isEmpty, "keys", is: "empty", but: "at least one key")
        try ParameterError.require(
            keys.allSatisfy { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } }, "keys",
            is: "a text with other characters", but: "of visible ASCII characters")
        digests = keys.map(Self.digest)
    }

    /// Whether a key is one of these.
    ///
    /// Digests are compared, all of them and each to its end, so that the time says nothing about how much of a key was
    /// right.
    func contains(_ key: some StringProtocol) -> Bool {
        let digest = Self.digest(String(key))
        return digests.reduce(false) { isFound, known in
            let difference = zip(known, digest).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            return isFound || difference == 0
        }
    }

    private static func digest(_ key: String) -> [UInt8] {
        var hash = SHA256()
        hash.update(key.utf8)
        return hash.finalize()
    }
}
#endif
