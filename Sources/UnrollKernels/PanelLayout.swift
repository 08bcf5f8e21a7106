import CUnrollKernels

/// The arithmetic of panels: 32 neighboring units of all rows that lie together in memory.
package enum PanelLayout {
    /// Units of a panel.
    package static let width = Int(UNROLL_PANEL_WIDTH)

    /// How many panels hold `units` units.
    package static func panels(of units: Int) -> Int {
        (units + width - 1) / width
    }

    /// `units` rounded up to whole panels.
    package static func padded(_ units: Int) -> Int {
        panels(of: units) * width
    }
}
