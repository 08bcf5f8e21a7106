import Unroll

/// The programs that make UTF-8 text of files in other formats.
enum TextConversion {
    /// A command line that makes text of a file; nil where none does.
    static func advice(of format: FileFormat, in file: String) -> String? {
        guard let program = program(for: format) else { return nil }
        if file == CorpusReader.standardInputName { return "pipe it through: \(program)" }
        let end = format == .pdf ? " -" : ""
        return "\(program) \(Shell.path(file))\(end) > \(Shell.path(file + ".txt"))"
    }

    private static func program(for format: FileFormat) -> String? {
        switch format {
        case .utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian:
            "iconv -f \(format.rawValue) -t UTF-8"
        case .gzip: "gzip -dc"
        case .zstandard: "zstd -dc"
        case .bzip2: "bzip2 -dc"
        case .xz: "xz -dc"
        case .zip: "unzip -p"
        case .pdf: "pdftotext"
        case .png, .jpeg: nil
        }
    }
}
