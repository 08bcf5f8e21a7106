import CUnrollKernels

/// Tiles for the intermediate values of one list of instructions, shared by those not needed at the same time.
///
/// Few tiles stay in the L1 cache, and the kernels' table of slots is bounded.
struct ScratchTiles {
    /// The tile of each slot that is scratch and occurs in the list.
    private(set) var tiles: [Int32: Int] = [:]
    /// How many tiles there are.
    private(set) var count = 0
    private var free: [Int] = []

    /// Plans the tiles of a list.
    ///
    /// - Parameters:
    ///   - instructions: The list, each of whose scratch values is written once.
    ///   - given: The slots that are written before it runs.
    ///   - isScratch: Whether a slot is scratch.
    init(for instructions: [UnrollInstruction], given: [Int32], isScratch: (Int32) -> Bool) {
        var lastUse: [Int32: Int] = [:]
        for (index, instruction) in instructions.enumerated() {
            for slot in instruction.operands { lastUse[slot] = index }
        }
        for slot in given where isScratch(slot) { take(for: slot) }
        // What nothing reads gives way only after all that is given has a place.
        for slot in given where isScratch(slot) && lastUse[slot] == nil { release(slot) }
        for (index, instruction) in instructions.enumerated() {
            // Before the result is placed: it may replace an operand.
            for slot in Set(instruction.operands).sorted() where isScratch(slot) && lastUse[slot] == index {
                release(slot)
            }
            if isScratch(instruction.d), tiles[instruction.d] == nil { take(for: instruction.d) }
        }
    }

    private mutating func take(for slot: Int32) {
        if tiles[slot] != nil { return }
        if let tile = free.popLast() {
            tiles[slot] = tile
        } else {
            tiles[slot] = count
            count += 1
        }
    }

    private mutating func release(_ slot: Int32) {
        if let tile = tiles[slot] { free.append(tile) }
    }
}

extension UnrollInstruction {
    /// The slots that are read; an operand that the operation does not have repeats another.
    fileprivate var operands: [Int32] {
        opcode == Int32(UNROLL_OP_CONSTANT.rawValue) ? [] : [a, b, c]
    }
}
