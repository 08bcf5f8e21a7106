import CUnrollKernels
import Foundation

/// Zeroed floats at an address that vector loads like, freed with the object.
final class AlignedBuffer {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    init(count: Int) throws(EngineError) {
        guard let base = unroll_allocate(count) else { throw .outOfResources("memory for \(count) numbers") }
        self.base = base
        self.count = count
    }

    deinit {
        free(base)
    }
}
