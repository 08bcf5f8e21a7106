import CUnrollKernels

/// Zeroed floats at an address that suits vector loads, freed with the object.
package final class AlignedBuffer {
    package let base: UnsafeMutablePointer<Float>
    package let count: Int

    /// Allocates `count` floats.
    ///
    /// - Throws: `KernelError.outOfResources`.
    package init(count: Int) throws(KernelError) {
        guard let base = unroll_allocate(count) else { throw .outOfResources("memory for \(count) numbers") }
        self.base = base
        self.count = count
    }

    deinit {
        unroll_free(base)
    }
}

/// The arithmetic of panels: 32 neighboring units of all rows, together in memory.
package enum PanelLayout {
    /// The units of a panel.
    package static let width = Int(UNROLL_PANEL_WIDTH)

    /// The number of panels that hold `units` units.
    package static func panels(of units: Int) -> Int {
        (units + width - 1) / width
    }

    /// `units` rounded up to whole panels.
    package static func padded(_ units: Int) -> Int {
        panels(of: units) * width
    }
}
