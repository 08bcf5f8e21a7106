/// The text of kernels that are compiled together, without the prelude, which the device puts in front.
package struct KernelSource: Sendable, Hashable {
    /// What the kernels are for, as in "the kernels of the cell 'lstm'"; for errors.
    package var name: String
    /// CUDA C++ that uses the primitives of `prelude.cuh` and nothing else.
    package var text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}
