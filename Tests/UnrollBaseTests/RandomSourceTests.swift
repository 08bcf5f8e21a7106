import Testing
import UnrollBase

@Suite struct RandomSourceTests {
    /// The known answers that accompany the authors' Random123 library.
    @Test func philoxGivesThePublishedAnswers() {
        let ones = UInt32.max
        #expect(
            Philox.block(counter: (0, 0, 0, 0), key: (0, 0)) == (
                0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8
            ))
        #expect(
            Philox.block(counter: (ones, ones, ones, ones), key: (ones, ones))
                == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            Philox.block(
                counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0)
            )
                == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func aStreamCanBeTakenUpAnywhere() {
        var whole = RandomSource(seed: 7, purpose: .partitioning, index: 3)
        let draws = (0..<9).map { _ in whole.next() }
        for position in draws.indices {
            var resumed = RandomSource(seed: 7, purpose: .partitioning, index: 3, position: UInt64(position))
            #expect(resumed.next() == draws[position])
        }
    }

    @Test func seedPurposeAndIndexEachSeparateStreams() {
        let sources = [
            RandomSource(seed: 1, purpose: .generation), RandomSource(seed: 2, purpose: .generation),
            RandomSource(seed: 1 << 40, purpose: .generation),
            RandomSource(seed: 1, purpose: .initialization),
            RandomSource(seed: 1, purpose: .generation, index: 1),
        ]
        let first = sources.map { source in
            var source = source
            return source.next()
        }
        #expect(Set(first).count == sources.count)
    }

    @Test func uniformNumbersHaveTheRightMoments() {
        var source = RandomSource(seed: 0, purpose: .generation)
        let draws = (0..<100_000).map { _ in source.uniform() }
        let mean = draws.reduce(0, +) / Double(draws.count)
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws.count)
        #expect(draws.allSatisfy { (0..<1).contains($0) })
        #expect(abs(mean - 0.5) < 0.004)
        #expect(abs(variance - 1.0 / 12) < 0.001)
    }

    @Test func shuffleIsAPermutationInEveryOrderAlike() {
        var source = RandomSource(seed: 5, purpose: .partitioning)
        var counts: [[Int]: Int] = [:]
        for _ in 0..<6000 {
            var elements = [0, 1, 2]
            source.shuffle(&elements)
            counts[elements, default: 0] += 1
        }
        #expect(counts.count == 6)
        #expect(counts.values.allSatisfy { abs($0 - 1000) < 150 })
        #expect(source.integer(below: 0) == 0)
    }
}
