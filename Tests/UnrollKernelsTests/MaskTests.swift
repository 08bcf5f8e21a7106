import CUnrollKernels
import Testing
import UnrollBase
import UnrollKernels

/// The kernel that masks, against the mask's definition.
@Suite struct MaskTests {
    /// Rows and panels that begin anywhere; counts that fill the kernel's groups of rows and that do not.
    private static let places = [
        (t: 0, panel: 0, row: 0, count: 1), (t: 3, panel: 2, row: 5, count: 7),
        (t: 1, panel: 1, row: 8, count: 8),
        (t: 70_000, panel: 40, row: 100_000, count: 21),
    ]

    private func masks() -> (RandomMask, UnrollMask) {
        let mask = RandomMask(probability: 0.3, site: .output(layer: 1), seed: 5, step: 6)
        return (
            mask,
            UnrollMask(key: (mask.key.x, mask.key.y), threshold: mask.threshold, scale: 1.5)
        )
    }

    @Test(arguments: KernelLevel.available(), places.indices) func whatIsKeptIsScaled(
        level: KernelLevel, index: Int
    ) throws {
        let place = Self.places[index]
        var (mask, kernelMask) = masks()
        var noise = Noise(seed: 9)
        let from = try GuardedBuffer((0..<place.count * 32).map { _ in noise.next() })
        let to = try GuardedBuffer(untouched: place.count * 32)
        let alone = try GuardedBuffer(untouched: place.count * 32)
        let kernels = try level.kernels().pointee
        let (t, panel, row) = (Int32(place.t), Int32(place.panel), Int32(place.row))
        kernels.mask(&kernelMask, t, panel, row, Int32(place.count), from.base, to.base)
        kernels.mask(&kernelMask, t, panel, row, Int32(place.count), nil, alone.base)
        for index in 0..<place.count * 32 {
            let keeps = mask.keeps(
                time: place.t, row: place.row + index / 32, unit: place.panel * 32 + index % 32)
            #expect(to.base[index] == (keeps ? from.base[index] * 1.5 : 0), "\(level)")
            #expect(alone.base[index] == (keeps ? 1.5 : 0), "\(level)")
        }
        let expected = to.values
        kernels.mask(&kernelMask, t, panel, row, Int32(place.count), from.base, from.base)
        #expect(from.values == expected, "\(level)")
        #expect(from.isIntact && to.isIntact && alone.isIntact, "\(level)")
    }

    @Test(arguments: KernelLevel.available()) func whatIsLeftOutIsZeroWhateverItWas(level: KernelLevel) throws
    {
        var (mask, kernelMask) = masks()
        let values = try GuardedBuffer([Float](repeating: .infinity, count: 32))
        try level.kernels().pointee.mask(&kernelMask, 0, 0, 0, 1, values.base, values.base)
        for unit in 0..<32 {
            #expect(
                values.base[unit] == (mask.keeps(time: 0, row: 0, unit: unit) ? .infinity : 0), "\(level)")
        }
    }
}
