/// A text that can be downloaded: its address, and the checksum that tells whether it has arrived whole.
package struct Dataset: Sendable, Equatable {
    /// The name that a user types.
    package let name: String
    /// The name of the file in the cache, without a slash.
    package let fileName: String
    /// Title, author and year.
    package let title: String
    /// The address to download from, `http` or `https`.
    package let url: String
    /// The size of the file in bytes.
    package let byteCount: Int
    /// The SHA-256 checksum of the file, 64 hexadecimal digits in lower case.
    package let sha256: String
    /// One line on the license of the text.
    package let license: String

    /// Describes a text.
    package init(
        name: String, fileName: String, title: String, url: String, byteCount: Int, sha256: String,
        license: String
    ) {
        self.name = name
        self.fileName = fileName
        self.title = title
        self.url = url
        self.byteCount = byteCount
        self.sha256 = sha256
        self.license = license
    }
}

/// The texts that are known by name.
package struct DatasetCatalog: Sendable {
    /// The texts, in the order of a list of them.
    package let datasets: [Dataset]

    /// A catalog of these texts.
    package init(datasets: [Dataset]) {
        self.datasets = datasets
    }

    /// The text of a name.
    ///
    /// - Throws: ``DatasetError/unknown(name:known:)``.
    package func dataset(named name: String) throws(DatasetError) -> Dataset {
        guard let dataset = datasets.first(where: { $0.name == name }) else {
            throw .unknown(name: name, known: datasets.map(\.name))
        }
        return dataset
    }
}

extension DatasetCatalog {
    /// The texts that this version of Unroll knows.
    package static let standard = DatasetCatalog(datasets: [
        // The file of "Dive into Deep Learning", which gives this address.
        Dataset(
            name: "time-machine",
            fileName: "timemachine.txt",
            title: "The Time Machine, H. G. Wells (1895)",
            url: "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
            byteCount: 178_979,
            sha256: "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
            license: "public domain"),
        // The text of the figures of char-rnn, torch-rnn and nanoGPT.
        Dataset(
            name: "tiny-shakespeare",
            fileName: "tinyshakespeare.txt",
            title: "Plays of William Shakespeare, a selection by A. Karpathy",
            url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            byteCount: 1_115_394,
            sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            license: "public domain"),
    ])
}
