/// What TensorBoard's text plugin shows as it is meant.
enum Markdown {
    /// Text as it is: lines that are indented are code.
    static func verbatim(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { "    " + $0 }.joined(separator: "\n")
    }

    /// Settings as a table of two columns.
    static func table(_ settings: [Setting]) -> String {
        "| setting | value |\n|---|---|\n"
            + settings.map { "| \(cell($0.name)) | \(cell($0.value)) |\n" }.joined()
    }

    private static func cell(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
            .replacing("\\", with: "\\\\").replacing("|", with: "\\|")
    }
}
