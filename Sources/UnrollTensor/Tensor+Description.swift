extension Tensor: CustomStringConvertible {
    /// Shape and numbers, nested in brackets; long axes are shortened to their ends.
    public var description: String {
        "Tensor\(shape) \(Self.nested(storage.base, shape[...], indentation: 1))"
    }

    /// Beyond this, only the first and last few of an axis are shown.
    private static let shown = 6

    private static func nested(
        _ elements: UnsafePointer<Float>, _ shape: ArraySlice<Int>, indentation: Int
    ) -> String {
        guard let size = shape.first else { return "\(elements[0])" }
        let rest = shape.dropFirst()
        let width = rest.reduce(1, *)
        let indices = size <= shown ? Array(0..<size) : Array(0..<shown / 2) + Array(size - shown / 2..<size)
        var parts = indices.map { nested(elements + $0 * width, rest, indentation: indentation + 1) }
        if size > shown { parts.insert("...", at: shown / 2) }
        let separator = rest.isEmpty ? ", " : ",\n" + String(repeating: " ", count: indentation)
        return "[" + parts.joined(separator: separator) + "]"
    }
}
