import Foundation
import UnrollBase
import UnrollModel

/// Reads Python's pickles as far as files of parameters need them: data alone, and nothing executes.
///
/// A pickle is a program for a stack machine that may name and call any function. This one knows the opcodes of protocols
/// 2 to 5 that make data, and builds tensors and ordered dictionaries itself where the program would call for them;
/// everything else that a pickle names is an error. Each opcode takes a constant amount of memory beside its own bytes.
/// See `Lib/pickletools.py` of CPython.
struct Unpickler {
    private let data: [UInt8]
    private let path: String
    private var position = 0
    private var stack: [PickledValue] = []
    /// The heights of the stack at the open marks.
    private var marks: [Int] = []
    private var memo: [Int: PickledValue] = [:]
    var pickle = Pickle()

    /// The bytes that a pickle of names and shapes may have, against those made to exhaust memory.
    private static let maximumSize = 32 << 20

    /// Reads a pickle; `path` is for the errors.
    ///
    /// - Throws: `FileError.invalid` if it is no whole pickle; `ImportError.unknownClass` if it names anything but data.
    static func read(_ data: Data, path: String) throws -> Pickle {
        guard data.count <= maximumSize else {
            throw FileError.invalid(path: path, reason: "its pickle has more than \(maximumSize) bytes")
        }
        var unpickler = Unpickler(data: Array(data), path: path)
        try unpickler.run()
        return unpickler.pickle
    }

    private init(data: [UInt8], path: String) {
        (self.data, self.path) = (data, path)
    }

    /// What is wrong with the pickle.
    func damaged(_ reason: String) -> FileError {
        .invalid(path: path, reason: "not a whole pickle: \(reason)")
    }

    private mutating func run() throws {
        while true {
            let start = position
            let byte = UInt8(try number(1))
            guard let opcode = PickleOpcode(rawValue: byte) else {
                throw damaged("the opcode 0x\(String(byte, radix: 16)) at byte \(start) makes no data")
            }
            if opcode == .stop {
                pickle.root = try pop()
                return
            }
            try execute(opcode)
        }
    }

    private mutating func execute(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .stop: break
        case .pop: _ = try pop()
        case .proto:
            let version = try number(1)
            guard version <= 5 else { throw damaged("its protocol is \(version)") }
        case .frame: try skip(8)
        case .mark: marks.append(stack.count)
        case .popMark: _ = try popMark()
        case .duplicate: push(try top())
        case .none: push(.none)
        case .newTrue: push(.bool(true))
        case .newFalse: push(.bool(false))
        case .byteInteger: push(.integer(try number(1)))
        case .shortInteger: push(.integer(try number(2)))
        case .integer: push(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
        case .long1: push(try long(try number(1)))
        case .long4: push(try long(try number(4)))
        case .float: push(.float(try float()))
        case .shortString, .shortUnicode: push(.string(try text(try number(1))))
        case .string, .unicode: push(.string(try text(try number(4))))
        case .longUnicode: push(.string(try text(try number(8))))
        case .shortBytes: try pushBytes(try number(1))
        case .bytes: try pushBytes(try number(4))
        case .longBytes, .byteArray: try pushBytes(try number(8))
        case .emptyTuple: pushTuple([])
        case .tuple1: pushTuple(try pop(1))
        case .tuple2: pushTuple(try pop(2))
        case .tuple3: pushTuple(try pop(3))
        case .tuple: pushTuple(try popMark())
        case .emptyList: pushList([])
        case .list: pushList(try popMark())
        case .append: try append(try pop(1))
        case .appends: try append(try popMark())
        case .emptyDictionary: pushDictionary([])
        case .dictionary: pushDictionary(try pairs(of: try popMark()))
        case .setItem: try insert(try pop(2))
        case .setItems: try insert(try popMark())
        case .put: memo[try number(1)] = try top()
        case .longPut: memo[try number(4)] = try top()
        case .memoize: memo[memo.count] = try top()
        case .get: push(try remembered(try number(1)))
        case .longGet: push(try remembered(try number(4)))
        case .global: push(.global(try line() + "." + line()))
        case .stackGlobal:
            let names = try pop(2).compactMap(\.string)
            guard names.count == 2 else { throw damaged("a class has no name") }
            push(.global(names.joined(separator: ".")))
        case .persistentID: push(try storage(try pop()))
        case .reduce:
            let operands = try pop(2)
            push(try value(of: operands[0], calledWith: operands[1]))
        case .newObject: throw refusal(of: try pop(2)[0])
        case .build:
            // The state that an ordered dictionary has beside its members, such as the versions of a network's parts.
            let target = try pop(2)[0]
            guard case .dictionary = target else { throw refusal(of: target) }
            push(target)
        }
    }
}

// MARK: - The stack

extension Unpickler {
    private mutating func push(_ value: PickledValue) { stack.append(value) }

    private mutating func pushTuple(_ elements: [PickledValue]) {
        push(.tuple(pickle.sequences.count))
        pickle.sequences.append(elements)
    }

    private mutating func pushList(_ elements: [PickledValue]) {
        push(.list(pickle.sequences.count))
        pickle.sequences.append(elements)
    }

    private mutating func pushDictionary(_ members: [(key: PickledValue, value: PickledValue)]) {
        push(dictionary(members))
    }

    /// A new dictionary.
    mutating func dictionary(_ members: [(key: PickledValue, value: PickledValue)]) -> PickledValue {
        pickle.dictionaries.append(members)
        return .dictionary(pickle.dictionaries.count - 1)
    }

    private func top() throws(FileError) -> PickledValue {
        guard let value = stack.last, stack.count > marks.last ?? 0 else {
            throw damaged("its stack is empty")
        }
        return value
    }

    private mutating func pop() throws(FileError) -> PickledValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(_ count: Int) throws(FileError) -> [PickledValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw damaged("its stack is empty") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    /// Takes everything above the last mark from the stack, and the mark.
    private mutating func popMark() throws(FileError) -> [PickledValue] {
        guard let mark = marks.popLast() else { throw damaged("a mark is missing") }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private func remembered(_ index: Int) throws(FileError) -> PickledValue {
        guard let value = memo[index] else { throw damaged("it recalls what it has not kept") }
        return value
    }

    private mutating func append(_ elements: [PickledValue]) throws(FileError) {
        guard case .list(let index) = try top() else { throw damaged("an element has no list") }
        pickle.sequences[index] += elements
    }

    private mutating func insert(_ elements: [PickledValue]) throws(FileError) {
        guard case .dictionary(let index) = try top() else { throw damaged("a member has no dictionary") }
        pickle.dictionaries[index] += try pairs(of: elements)
    }

    private func pairs(
        of elements: [PickledValue]
    ) throws(FileError) -> [(key: PickledValue, value: PickledValue)] {
        guard elements.count.isMultiple(of: 2) else { throw damaged("a key has no value") }
        return stride(from: 0, to: elements.count, by: 2).map { (elements[$0], elements[$0 + 1]) }
    }
}

// MARK: - Operands

extension Unpickler {
    /// A little-endian number without a sign.
    private mutating func number(_ size: Int) throws(FileError) -> Int {
        let bytes = try take(size)
        let value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let number = Int(exactly: value) else { throw damaged("it is cut off") }
        return number
    }

    private mutating func take(_ count: Int) throws(FileError) -> ArraySlice<UInt8> {
        guard count <= data.count - position else { throw damaged("it is cut off") }
        defer { position += count }
        return data[position..<position + count]
    }

    private mutating func skip(_ count: Int) throws(FileError) { _ = try take(count) }

    private mutating func pushBytes(_ count: Int) throws(FileError) {
        try skip(count)
        push(.other)
    }

    private mutating func text(_ count: Int) throws(FileError) -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw damaged("a string is not UTF-8")
        }
        return text
    }

    /// The bytes up to a line feed, with which a module's or a class's name ends.
    private mutating func line() throws(FileError) -> String {
        guard let end = data[position...].firstIndex(of: 0x0A) else { throw damaged("it is cut off") }
        let line = try text(end - position)
        try skip(1)
        return line
    }

    /// A number in two's complement, the lowest byte first.
    private mutating func long(_ count: Int) throws(FileError) -> PickledValue {
        let bytes = try take(count)
        guard count <= 8 else { return .other }
        let isNegative = (bytes.last ?? 0) >= 0x80
        return .integer(bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) })
    }

    private mutating func float() throws(FileError) -> Double {
        Double(bitPattern: try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
