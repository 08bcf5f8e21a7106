import Testing
import UnrollBase

@Suite struct RandomMaskTests {
    private static let sites: [RandomMask.Site] = [
        .output(layer: 0), .output(layer: 1), .embedding, .recurrentWeights(layer: 0),
        .newState(layer: 0, state: 0), .newState(layer: 0, state: 1), .newState(layer: 1, state: 0),
    ]

    /// What a mask keeps of 4 steps, 16 rows and 128 units.
    private func kept(_ mask: RandomMask) -> [Bool] {
        (0..<4).flatMap { time in
            (0..<16).flatMap { row in (0..<128).map { mask.keeps(time: time, row: row, unit: $0) } }
        }
    }

    /// Of `count` draws, how many standard deviations lie between what is left out and what should be.
    private func deviation(_ leftOut: Int, of count: Int, _ probability: Double) -> Double {
        (Double(leftOut) - Double(count) * probability)
            / (Double(count) * probability * (1 - probability)).squareRoot()
    }

    @Test(arguments: [0.05, 0.25, 0.5, 0.9] as [Float]) func theShareIsLeftOut(probability: Float) {
        for site in Self.sites {
            let kept = kept(RandomMask(probability: probability, site: site, seed: 3, step: 8))
            let leftOut = kept.count { !$0 }
            // Seeds are fixed, so this holds always or never; a fair mask is outside once in 15,000.
            #expect(abs(deviation(leftOut, of: kept.count, Double(probability))) < 4, "\(site)")
        }
    }

    @Test func nothingIsLeftOutWithoutAProbability() {
        #expect(kept(RandomMask(probability: 0, site: .embedding, seed: 1, step: 1)).allSatisfy { $0 })
    }

    /// Independent fair masks agree in half of all places.
    @Test func masksOfSitesStepsAndSeedsAreIndependent() {
        var masks = Self.sites.map { RandomMask(probability: 0.5, site: $0, seed: 3, step: 8) }
        masks += [
            RandomMask(probability: 0.5, site: .embedding, seed: 3, step: 9),
            RandomMask(probability: 0.5, site: .embedding, seed: 3, step: 8 + 1 << 32),
            RandomMask(probability: 0.5, site: .embedding, seed: 4, step: 8),
            RandomMask(probability: 0.5, site: .embedding, seed: 3 + 1 << 32, step: 8),
        ]
        let all = masks.map(kept)
        for first in all.indices {
            for second in all.indices where second > first {
                let agreements = zip(all[first], all[second]).count { $0 == $1 }
                #expect(abs(deviation(agreements, of: all[first].count, 0.5)) < 4.5, "\(first) \(second)")
            }
        }
    }

    @Test func neighborsInEveryDirectionAreIndependent() {
        let mask = RandomMask(probability: 0.5, site: .output(layer: 0), seed: 11, step: 0)
        for (time, row, unit) in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2), (0, 0, 8), (1, 1, 0)] {
            var agreements = 0
            for t in 0..<4 {
                for r in 0..<16 {
                    for u in 0..<128 {
                        let other = mask.keeps(time: t + time, row: r + row, unit: u + unit)
                        if mask.keeps(time: t, row: r, unit: u) == other { agreements += 1 }
                    }
                }
            }
            #expect(abs(deviation(agreements, of: 4 * 16 * 128, 0.5)) < 4)
        }
    }
}
