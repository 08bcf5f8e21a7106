import CUnrollKernels
import Foundation
import Synchronization
import UnrollBase
import UnrollKernels

/// The elements of a tensor, which never change once it is made.
final class TensorStorage: @unchecked Sendable {
    // Unchecked: elements are written only before anyone else sees the storage, or while `isKnownUniquelyReferenced`.
    let count: Int
    private let buffer: Buffer
    private let panels = Mutex<[PanelForm: TensorStorage]>([:])

    /// A matrix of this storage's elements, laid out for the product's right operand.
    struct PanelForm: Hashable {
        let rows: Int
        let columns: Int
        let isTransposed: Bool
    }

    var base: UnsafeMutablePointer<Float> { buffer.base }

    /// Elements of any value, to be written at once; nil when the system has no memory.
    init?(count: Int) {
        guard let buffer = TensorRuntime.shared.buffers.buffer(count: count) else { return nil }
        self.count = count
        self.buffer = buffer
    }

    deinit {
        TensorRuntime.shared.buffers.recycle(buffer)
    }

    /// Must be called before elements change.
    func forgetPanels() {
        panels.withLock { $0.removeAll() }
    }

    /// The matrix as panels of 32 columns, `[ceil(columns / 32)][rows][32]`.
    ///
    /// A weight is a right operand in every time step, and changes only between training steps: its panels are kept as
    /// long as it lives. With `isTransposed`, the elements are `[columns][rows]`.
    func keptPanels(_ form: PanelForm) -> TensorStorage {
        panels.withLock { panels in
            if let known = panels[form] { return known }
            let made = madePanels(form)
            panels[form] = made
            return made
        }
    }

    /// The same, with new memory.
    func madePanels(_ form: PanelForm) -> TensorStorage {
        let width = PanelLayout.width
        let panelCount = PanelLayout.panels(of: form.columns)
        let size = form.rows * width
        let result = TensorStorage.allocated(count: panelCount * size)
        let kernels = TensorRuntime.shared.kernels
        TensorRuntime.shared.share(panelCount, operations: 4 * panelCount * size) { panels in
            for panel in panels {
                let to = result.base + panel * size
                let columns = min(width, form.columns - panel * width)
                if columns < width { to.update(repeating: 0, count: size) }
                if form.isTransposed {
                    kernels.transpose(
                        base + panel * width * form.rows, form.rows, to, width, columns, form.rows)
                } else {
                    kernels.copy(base + panel * width, form.columns, to, width, form.rows, columns)
                }
            }
        }
        return result
    }

    /// For results about as large as their operands, where running out of memory cannot be foreseen.
    static func allocated(count: Int) -> TensorStorage {
        guard let storage = TensorStorage(count: count) else {
            preconditionFailure("the operating system has no memory for \(count) more numbers")
        }
        return storage
    }
}

/// Memory for elements, aligned for vector loads.
struct Buffer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    /// How many numbers there is room for, a multiple of 32.
    let capacity: Int
}

/// Keeps the memory of tensors that are gone for those that come.
///
/// A training step makes and drops the same thousands of tensors as the step before. Fresh memory would cost a page
/// fault for every 4096 bytes of them.
final class BufferPool: Sendable {
    private struct State {
        /// By capacity; the last one freed is the first one used, as it is still in the cache.
        var idle: [Int: [Buffer]] = [:]
        var idleCount = 0
        var liveCount = 0
    }

    private let state = Mutex(State())

    /// How many numbers the machine's memory holds.
    ///
    /// Systems promise more memory than there is and kill who believes them, so it is asked for no more than that.
    let limit = Int(min(SystemInfo.memory, 0x1p60)) / MemoryLayout<Float>.size

    /// Room for at least `count` numbers, of any value; nil when there is no memory for them.
    func buffer(count: Int) -> Buffer? {
        let capacity = Self.capacity(for: min(count, limit))
        return state.withLock { state in
            guard max(count, capacity) <= limit - state.liveCount else { return nil }
            state.liveCount += capacity
            if let buffer = state.idle[capacity]?.popLast() {
                state.idleCount -= capacity
                return buffer
            }
            // The program has moved on to other shapes: what is idle no longer fits and is in the way.
            if state.idleCount > min(state.liveCount, limit - state.liveCount) { Self.empty(&state) }
            if let base = unroll_allocate(capacity) { return Buffer(base: base, capacity: capacity) }
            Self.empty(&state)
            guard let base = unroll_allocate(capacity) else {
                state.liveCount -= capacity
                return nil
            }
            return Buffer(base: base, capacity: capacity)
        }
    }

    func recycle(_ buffer: Buffer) {
        state.withLock { state in
            state.liveCount -= buffer.capacity
            state.idleCount += buffer.capacity
            state.idle[buffer.capacity, default: []].append(buffer)
        }
    }

    /// Bytes of tensors that are in use and of those that wait to be used again.
    var byteCounts: (live: Int, idle: Int) {
        state.withLock { ($0.liveCount * MemoryLayout<Float>.size, $0.idleCount * MemoryLayout<Float>.size) }
    }

    private static func empty(_ state: inout State) {
        for buffers in state.idle.values {
            for buffer in buffers { unroll_free(buffer.base) }
        }
        state.idle = [:]
        state.idleCount = 0
    }

    /// Rounded up to four sizes for every power of two, so that tensors of nearly the same size share memory.
    private static func capacity(for count: Int) -> Int {
        let bits = Int.bitWidth - max(count, 1).leadingZeroBitCount
        let step = max(32, 1 << max(0, bits - 3))
        return max(step, (count + step - 1) / step * step)
    }
}
