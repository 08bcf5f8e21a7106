import CUnrollKernels
import Synchronization
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
        guard let buffer = Machine.shared.buffers.buffer(count: count) else { return nil }
        self.count = count
        self.buffer = buffer
    }

    deinit {
        Machine.shared.buffers.recycle(buffer)
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

    /// The same, made anew.
    func madePanels(_ form: PanelForm) -> TensorStorage {
        let width = PanelLayout.width
        let panelCount = PanelLayout.panels(of: form.columns)
        let size = form.rows * width
        let result = TensorStorage.allocated(count: panelCount * size)
        let kernels = Machine.shared.kernels
        Machine.shared.share(panelCount, operations: 4 * panelCount * size) { panels in
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
