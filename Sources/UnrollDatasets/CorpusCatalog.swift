/// The texts that can be asked for by name.
public struct CorpusCatalog: Sendable {
    /// The texts, in the order in which to list them.
    public let entries: [CorpusEntry]

    /// A catalog of these texts.
    public init(entries: [CorpusEntry]) {
        self.entries = entries
    }

    /// The text of that name.
    ///
    /// - Throws: ``CorpusError/unknownCorpus(name:known:)``.
    public func entry(named name: String) throws(CorpusError) -> CorpusEntry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw .unknownCorpus(name: name, known: entries.map(\.name))
        }
        return entry
    }
}

extension CorpusCatalog {
    /// The texts that this version of Unroll knows.
    public static let standard = CorpusCatalog(entries: [
        // The file of "Dive into Deep Learning", which gives this address.
        CorpusEntry(
            name: "time-machine",
            title: "The Time Machine, H. G. Wells (1895)",
            url: "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
            byteCount: 178_979,
            sha256: "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
            license: "public domain"),
        // The text that char-rnn, torch-rnn and nanoGPT are measured on.
        CorpusEntry(
            name: "tiny-shakespeare",
            title: "Plays of William Shakespeare, a selection by A. Karpathy",
            url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            byteCount: 1_115_394,
            sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            license: "public domain"),
    ])
}
