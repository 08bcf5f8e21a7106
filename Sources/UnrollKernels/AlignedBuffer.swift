import CUnrollKernels
import Foundation

/// Zeroed floats at an address that vector loads like, freed with the object.
package final class AlignedBuffer {
    package let base: UnsafeMutablePointer<Float>
    package let count: Int

    package init(count: Int) throws(KernelError) {
        guard let base = unroll_allocate(count) else { throw .outOfResources("memory for \(count) numbers") }
        self.base = base
        self.count = count
    }

    deinit {
        free(base)
    }
}
