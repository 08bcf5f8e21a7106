import Foundation

/// A writer of the pickle in which PyTorch describes the tensors of a `state_dict`, without their elements.
///
/// It is a program of Python's pickle machine, protocol 2, of instructions and names that
/// `torch.load(weights_only=True)` allows. See <https://docs.python.org/3/library/pickletools.html>.
struct PickleWriter {
    private var program = Data([0x80, 2])

    /// Begins an `OrderedDict`, to which tensors can be added.
    init() {
        addEmptyDictionary()
        add("(")
    }

    /// Adds a tensor of 32-bit floats under its name.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - shape: The size of each dimension.
    ///   - storage: The name of the elements, which several tensors may share.
    mutating func add(_ name: String, shape: [Int], storage: String) {
        add(text: name)
        add(global: "torch._utils", "_rebuild_tensor_v2")
        add("(")
        // The identity of the storage, which the reader is asked for.
        add("(")
        add(text: "storage")
        add(global: "torch", "FloatStorage")
        add(text: storage)
        add(text: "cpu")
        add(number: shape.reduce(1, *))
        add("tQ")
        // Its place in the storage, shape, strides, no gradient, no hooks.
        add(number: 0)
        add(tuple: shape)
        add(tuple: shape.indices.map { shape[($0 + 1)...].reduce(1, *) })
        program.append(0x89)
        addEmptyDictionary()
        add("tR")
    }

    /// The whole pickle.
    var data: Data { program + Data("u.".utf8) }

    /// Adds instructions by their letters.
    private mutating func add(_ instructions: String) {
        program += Data(instructions.utf8)
    }

    private mutating func add(global module: String, _ name: String) {
        add("c\(module)\n\(name)\n")
    }

    private mutating func addEmptyDictionary() {
        add(global: "collections", "OrderedDict")
        add(")R")
    }

    private mutating func add(text: String) {
        let bytes = Data(text.utf8)
        add("X")
        add(bytesOf: UInt32(truncatingIfNeeded: bytes.count))
        program += bytes
    }

    private mutating func add(tuple numbers: [Int]) {
        add("(")
        for number in numbers { add(number: number) }
        add("t")
    }

    private mutating func add(number: Int) {
        if let short = Int32(exactly: number) {
            add("J")
            add(bytesOf: short)
        } else {
            program += Data([0x8A, 8])
            add(bytesOf: Int64(number))
        }
    }

    private mutating func add(bytesOf number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.littleEndian) { program.append(contentsOf: $0) }
    }
}
