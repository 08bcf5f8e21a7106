import Foundation

/// What stands before the elements in a safetensors file.
struct SafetensorsHeader {
    /// Where one tensor's elements are.
    struct Tensor {
        let name: String
        let elementType: SafetensorsElementType
        let shape: [Int]
        /// Counted from the beginning of the file.
        let bytes: Range<Int>
    }

    static let metadataKey = "__metadata__"
    /// The reference implementation's limit, against headers made to exhaust memory.
    static let maximumLength = 100_000_000
    static let lengthSize = 8

    let metadata: [String: String]
    /// The tensors in the order of their elements.
    let tensors: [Tensor]
    /// The length of the header and of the number before it.
    let byteCount: Int
}

// MARK: - Reading

extension SafetensorsHeader {
    /// Reads the header of a file and checks that the tensors fill the rest of the file without gap or overlap.
    init(ofFile data: Data) throws(ModelError) {
        try self.init(beginning: data, fileSize: data.count)
    }

    /// The bytes up to the end of the header whose length begins a file; all of a file that is too short for it.
    static func byteCount(after length: [UInt8], fileSize: Int) -> Int {
        let length = length.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return min(lengthSize + Int(min(length, UInt64(maximumLength))), fileSize)
    }

    /// The same for a file of which `data` is the beginning, with all of the header.
    init(beginning data: Data, fileSize: Int) throws(ModelError) {
        guard data.count >= Self.lengthSize else {
            throw .invalidSafetensors("it has \(data.count) bytes, fewer than the 8 at the beginning of any")
        }
        let length = data.prefix(Self.lengthSize).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= Self.maximumLength else {
            throw .invalidSafetensors("its header would have \(length) bytes, which is past any reason")
        }
        guard Int(length) <= data.count - Self.lengthSize else {
            throw .invalidSafetensors("its header has \(length) bytes, but the file has \(fileSize) in all")
        }
        byteCount = Self.lengthSize + Int(length)
        let description = try Description(json: data.dropFirst(Self.lengthSize).prefix(Int(length)))
        metadata = description.metadata
        tensors = try Self.place(description.tensors, from: byteCount, to: fileSize)
    }

    /// Puts the tensors in the order of their elements and checks that they lie end to end.
    private static func place(
        _ descriptions: [String: TensorDescription], from start: Int, to end: Int
    ) throws(ModelError) -> [Tensor] {
        var tensors: [Tensor] = []
        for (name, description) in descriptions {
            tensors.append(try place(name, description, in: start..<end))
        }
        // Tensors without elements share an offset with their neighbor; the names keep the order definite.
        tensors.sort {
            ($0.bytes.lowerBound, $0.bytes.upperBound, $0.name)
                < ($1.bytes.lowerBound, $1.bytes.upperBound, $1.name)
        }
        var position = start
        for tensor in tensors {
            guard tensor.bytes.lowerBound == position else {
                throw .invalidSafetensors(
                    "there is \(tensor.bytes.lowerBound < position ? "an overlap" : "a gap") before '\(tensor.name)'"
                )
            }
            position = tensor.bytes.upperBound
        }
        guard position == end else {
            throw .invalidSafetensors("\(end - position) bytes after the last tensor belong to none")
        }
        return tensors
    }

    /// What is wrong with elements that are not read as floats.
    static func unreadable(_ name: String, of type: String) -> ModelError {
        let known = SafetensorsElementType.floats.map(\.rawValue).joined(separator: ", ")
        return .invalidSafetensors("'\(name)' has elements of type \(type); convert them to one of \(known)")
    }

    private static func place(
        _ name: String, _ description: TensorDescription, in dataSection: Range<Int>
    ) throws(ModelError) -> Tensor {
        guard let elementType = SafetensorsElementType(rawValue: description.elementType) else {
            throw unreadable(name, of: description.elementType)
        }
        guard let count = Safetensors.elementCount(of: description.shape) else {
            throw .invalidSafetensors("'\(name)' cannot have the shape \(description.shape)")
        }
        let offsets = description.offsets
        guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= dataSection.count
        else {
            throw .invalidSafetensors(
                "'\(name)' has the offsets \(offsets), where the file has data of \(dataSection.count) bytes")
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: elementType.size)
        guard !overflow, size == offsets[1] - offsets[0] else {
            throw .invalidSafetensors(
                "'\(name)' has the shape \(description.shape), which \(offsets[1] - offsets[0]) bytes do not make"
            )
        }
        let start = dataSection.lowerBound + offsets[0]
        return Tensor(
            name: name, elementType: elementType, shape: description.shape, bytes: start..<start + size)
    }
}

/// The header as JSON has it.
private struct Description: Decodable {
    let metadata: [String: String]
    let tensors: [String: TensorDescription]

    init(json: Data) throws(ModelError) {
        // The format wants a brace first; without it JSONDecoder would take UTF-16 and leading space as well.
        guard json.first == UInt8(ascii: "{") else {
            throw .invalidSafetensors("its header does not begin with a brace")
        }
        do {
            self = try JSONDecoder().decode(Description.self, from: json)
        } catch {
            throw .invalidSafetensors("its header is not the JSON that it should be")
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        var metadata: [String: String] = [:]
        var tensors: [String: TensorDescription] = [:]
        for key in container.allKeys {
            if key.stringValue == SafetensorsHeader.metadataKey {
                // MLX writes null where there are none.
                metadata = try container.decodeIfPresent([String: String].self, forKey: key) ?? [:]
            } else {
                tensors[key.stringValue] = try container.decode(TensorDescription.self, forKey: key)
            }
        }
        self.metadata = metadata
        self.tensors = tensors
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

private struct TensorDescription: Decodable {
    let elementType: String
    let shape: [Int]
    /// First byte and the byte after the last one, counted from the end of the header.
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
        case elementType = "dtype"
        case shape
        case offsets = "data_offsets"
    }
}

// MARK: - Writing

extension SafetensorsHeader {
    /// Returns the length and the header for tensors that lie end to end and of which there are not too many elements.
    ///
    /// Written by hand, so that the bytes depend on no library's version.
    static func encode(
        _ tensors: [(name: String, elementType: SafetensorsElementType, shape: [Int])],
        metadata: [String: String]
    ) -> Data {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\(quoted(metadataKey)):{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for (name, elementType, shape) in tensors {
            let end = offset + (Safetensors.elementCount(of: shape) ?? 0) * elementType.size
            let sizes = shape.map(String.init).joined(separator: ",")
            members.append(
                "\(quoted(name)):{\"dtype\":\"\(elementType.rawValue)\",\"shape\":[\(sizes)],\"data_offsets\":[\(offset),\(end)]}"
            )
            offset = end
        }
        var json = Data("{\(members.joined(separator: ","))}".utf8)
        // Elements that begin at a multiple of eight can be used where they lie by readers that map the file.
        let padding = -json.count & 7
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json
    }

    /// Returns a string as JSON writes it.
    private static func quoted(_ string: String) -> String {
        var result = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                result += "\\\(scalar)"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default:
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
