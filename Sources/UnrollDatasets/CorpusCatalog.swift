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
        // The file of "Dive into Deep Learning", which gives this address and this checksum.
        CorpusEntry(
            name: "time-machine",
            title: "The Time Machine, H. G. Wells (1895)",
            url: "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
            byteCount: 178_979,
            sha1: "090b5e7e70c295757f55df93cb0a180b9691891a",
            license: "public domain"),
        // The text that char-rnn, torch-rnn and nanoGPT are measured on.
        CorpusEntry(
            name: "tiny-shakespeare",
            title: "Plays of William Shakespeare, a selection by A. Karpathy",
            url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            byteCount: 1_115_394,
            sha1: "04486597058d11dcc2c556b1d0433891eb639d2e",
            license: "public domain"),
    ])
}
