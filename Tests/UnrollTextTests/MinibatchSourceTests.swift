import Testing
import UnrollBase
import UnrollText

@Suite struct MinibatchSourceTests {
    /// Ids that are their own positions.
    private func positions(_ count: Int) -> TokenIDs { TokenIDs((0..<count).map(Int32.init)) }

    private func minibatches(of source: any MinibatchSource) -> [Minibatch] {
        (0..<source.count).map { index in
            var minibatch = Minibatch()
            source.fill(&minibatch, at: index)
            return minibatch
        }
    }

    private func column(_ b: Int, of ids: [Int32], _ minibatch: Minibatch) -> [Int] {
        stride(from: b, to: ids.count, by: minibatch.batchSize).map { Int(ids[$0]) }
    }

    private func random(seed: UInt64, epoch: UInt32) -> RandomSource {
        RandomSource(seed: seed, purpose: .partitioning, index: epoch)
    }

    /// Checks that every target is the token after its input, and returns the first input of every column.
    private func starts(_ minibatches: [Minibatch]) -> [[Int]] {
        minibatches.map { minibatch in
            (0..<minibatch.batchSize).map { b in
                let inputs = column(b, of: minibatch.inputs, minibatch)
                #expect(inputs == Array(inputs[0]..<inputs[0] + minibatch.sequenceLength))
                #expect(column(b, of: minibatch.targets, minibatch) == inputs.map { $0 + 1 })
                return inputs[0]
            }
        }
    }

    @Test(arguments: 0..<30 as Range<Int>)
    func sequentialReadsStrandsSideBySide(epoch: Int) throws {
        let (count, B, T) = (41, 2, 5)
        let source = try Partitioning.sequential.minibatches(
            of: positions(count), batchSize: B, sequenceLength: T, seed: 3, epoch: epoch)
        var random = random(seed: 3, epoch: UInt32(epoch))
        let offset = random.integer(below: T + 1)
        let strand = (count - offset - 1) / B
        let minibatches = minibatches(of: source)
        #expect(minibatches.count == strand / T)
        for (index, starts) in starts(minibatches).enumerated() {
            #expect(starts == [offset + index * T, offset + strand + index * T])
            #expect(minibatches[index].continuesState == (index > 0))
        }
    }

    @Test func sequentialByHand() throws {
        // The book's example: 35 tokens, B = 2, T = 5; offset 0 to 5 gives three minibatches or two.
        let first = try #require(
            (0..<100).first { epoch in
                var random = random(seed: 0, epoch: UInt32(epoch))
                return random.integer(below: 6) == 0
            })
        let source = try Partitioning.sequential.minibatches(
            of: positions(35), batchSize: 2, sequenceLength: 5, seed: 0, epoch: first)
        #expect(starts(minibatches(of: source)) == [[0, 17], [5, 22], [10, 27]])
    }

    @Test(arguments: 0..<5 as Range<Int>) func consecutiveIsTheSameInEveryEpoch(epoch: Int) throws {
        let source = try Partitioning.consecutive.minibatches(
            of: positions(33), batchSize: 2, sequenceLength: 5, seed: UInt64(epoch), epoch: epoch)
        #expect(starts(minibatches(of: source)) == [[0, 16], [5, 21], [10, 26]])
        // No offset has to fit in: one token after the last input is enough.
        let whole = try Partitioning.consecutive.minibatches(
            of: positions(11), batchSize: 2, sequenceLength: 5, seed: 0, epoch: epoch)
        #expect(starts(minibatches(of: whole)) == [[0, 5]])
        #expect(throws: TextError.self) {
            try Partitioning.consecutive.minibatches(
                of: positions(10), batchSize: 2, sequenceLength: 5, seed: 0, epoch: epoch)
        }
    }

    @Test(arguments: 0..<30 as Range<Int>)
    func randomTakesEverySubsequenceOnceAtMost(epoch: Int) throws {
        let (count, B, T) = (83, 3, 5)
        let source = try Partitioning.random.minibatches(
            of: positions(count), batchSize: B, sequenceLength: T, seed: 1, epoch: epoch)
        var random = random(seed: 1, epoch: UInt32(epoch))
        let offset = random.integer(below: T)
        var order = Array(0..<(count - offset - 1) / T)
        random.shuffle(&order)
        let minibatches = minibatches(of: source)
        #expect(minibatches.count == order.count / B)
        #expect(minibatches.allSatisfy { !$0.continuesState && $0.batchSize == B && $0.sequenceLength == T })
        let starts = starts(minibatches).joined()
        #expect(Array(starts) == order.prefix(starts.count).map { offset + $0 * T })
        #expect(Set(starts).count == starts.count)
    }

    @Test func offsetsReachBothEnds() throws {
        let firsts = try Set(
            (0..<200).map { epoch in
                let source = try Partitioning.sequential.minibatches(
                    of: positions(100), batchSize: 2, sequenceLength: 4, seed: 2, epoch: epoch)
                return starts(Array(minibatches(of: source).prefix(1)))[0][0]
            })
        #expect(firsts == Set(0...4))
        let residues = try Set(
            (0..<200).map { epoch in
                let source = try Partitioning.random.minibatches(
                    of: positions(100), batchSize: 2, sequenceLength: 4, seed: 2, epoch: epoch)
                return starts(Array(minibatches(of: source).prefix(1)))[0][0] % 4
            })
        #expect(residues == Set(0...3))
    }

    @Test func windowsCoverEveryPosition() throws {
        let source = try Partitioning.windows.minibatches(
            of: positions(30), batchSize: 4, sequenceLength: 3, seed: 1, epoch: 0)
        let minibatches = minibatches(of: source)
        #expect(minibatches.map(\.batchSize) == [4, 4, 4, 4, 4, 4, 3])
        #expect(minibatches.allSatisfy { !$0.continuesState })
        let starts = starts(minibatches).flatMap { $0 }
        #expect(starts.sorted() == Array(0..<27))
        #expect(starts != Array(0..<27))
        let next = try Partitioning.windows.minibatches(
            of: positions(30), batchSize: 4, sequenceLength: 3, seed: 1, epoch: 1)
        #expect(self.starts(self.minibatches(of: next)).flatMap { $0 } != starts)
    }

    @Test(arguments: [Partitioning.windows, .random]) func textsOfMillionsOfPiecesAreTakenWhole(
        partitioning: Partitioning
    ) throws {
        // Beyond what is shuffled in a table; every piece is there once all the same.
        let count = 4_500_000
        let source = try partitioning.minibatches(
            of: positions(count), batchSize: 50_000, sequenceLength: 1, seed: 4, epoch: 0)
        var isSeen = [Bool](repeating: false, count: count)
        var minibatch = Minibatch()
        var last: Int32 = 0
        var (twice, neighbors) = (0, 0)
        for index in 0..<source.count {
            source.fill(&minibatch, at: index)
            for id in minibatch.inputs {
                if isSeen[Int(id)] { twice += 1 }
                isSeen[Int(id)] = true
                if abs(id - last) < 10 { neighbors += 1 }
                last = id
            }
        }
        #expect(twice == 0)
        // At most what does not fill a last minibatch, and the last token, which is only predicted.
        #expect(isSeen.count { !$0 } <= 50_000)
        // About 18 of so many would be close by chance.
        #expect(neighbors < 100)
    }

    @Test(arguments: [1, 2, 3, 10, 97, 1_000, 65_536, 100_003])
    func permutationsHaveEveryNumberOnce(count: Int) {
        var random = random(seed: 6, epoch: 0)
        let permutation = RandomPermutation(count: count, random: &random)
        let numbers = (0..<count).map { permutation[$0] }
        #expect(numbers.sorted() == Array(0..<count))
        let other = RandomPermutation(count: count, random: &random)
        #expect(count < 10 || numbers != (0..<count).map { other[$0] })
    }

    @Test func everyPlaceOfAPermutationIsEquallyLikely() {
        // 5 numbers in 60,000 orders: each of them is first, second ... about 12,000 times, with a deviation of 98.
        var random = random(seed: 7, epoch: 0)
        var places = [[Int]](repeating: [0, 0, 0, 0, 0], count: 5)
        for _ in 0..<60_000 {
            let permutation = RandomPermutation(count: 5, random: &random)
            let order = (0..<5).map { permutation[$0] }
            for (place, number) in order.enumerated() { places[place][number] += 1 }
        }
        #expect(places.joined().allSatisfy { abs($0 - 12_000) < 600 }, "\(places)")
    }

    @Test func windowsValidateAfterThoseThatTrain() throws {
        let tokens = positions(30)
        let training = try Partitioning.windows.minibatches(
            of: tokens, batchSize: 4, sequenceLength: 3, seed: 1, epoch: 0, windowCount: 10)
        #expect(starts(minibatches(of: training)).flatMap { $0 }.sorted() == Array(0..<10))
        let validation = try tokens.validationWindows(
            batchSize: 4, sequenceLength: 3, after: 10, windowCount: 5)
        #expect(starts(minibatches(of: validation)) == [[10, 11, 12, 13], [14]])
        let rest = try tokens.validationWindows(batchSize: 100, sequenceLength: 3, after: 10)
        #expect(starts(minibatches(of: rest)) == [Array(10..<27)])
    }

    @Test(arguments: [
        (10, 3, [3, 3, 3]), (11, 3, [3, 3, 3, 1]), (2, 3, [1]), (5, 100, [4]), (5, 1, [1, 1, 1, 1]),
    ])
    func strandPredictsEveryTokenOnce(count: Int, sequenceLength: Int, steps: [Int]) throws {
        let minibatches = minibatches(of: try positions(count).strand(sequenceLength: sequenceLength))
        #expect(minibatches.map(\.sequenceLength) == steps)
        #expect(minibatches.flatMap(\.inputs) == (0..<Int32(count) - 1).map { $0 })
        #expect(minibatches.flatMap(\.targets) == (1..<Int32(count)).map { $0 })
        #expect(minibatches.map(\.continuesState) == steps.indices.map { $0 > 0 })
    }

    @Test(arguments: [2, 300, 2048, 2049, 2050, 5000, 33_000, 33_031, 40_007], [1, 300, 1024])
    func evaluationCountsEveryTokenOnce(count: Int, tokenCount: Int) throws {
        let source = try positions(count).evaluationStrands(tokenCount: tokenCount)
        let minibatches = minibatches(of: source)
        _ = starts(minibatches)
        var counted: [Int32] = []
        // The token before the next one of each row, while the state continues.
        var previous: [Int32] = []
        var lengths: [Int] = []
        for (index, minibatch) in minibatches.enumerated() {
            let B = minibatch.batchSize
            #expect(minibatch.tokenCount <= max(tokenCount, B) && B <= 32 && minibatch.sequenceLength <= 256)
            if minibatch.continuesState {
                #expect(Array(minibatch.inputs.prefix(B)) == previous)
                lengths = lengths.map { $0 + minibatch.sequenceLength }
            } else {
                lengths = [Int](repeating: minibatch.sequenceLength, count: B)
            }
            previous = Array(minibatch.targets.suffix(B))
            guard source.counts(at: index) else { continue }
            counted += minibatch.targets
            // Each has a past of 256 tokens, or all that there is.
            let first = minibatch.inputs[0]
            #expect(lengths[0] - minibatch.sequenceLength >= min(256, Int(first)))
        }
        #expect(counted.sorted() == (1..<Int32(count)).map { $0 })
        if count <= 2048 { #expect(minibatches.allSatisfy { $0.batchSize == 1 }) }
        if count > 40_000 { #expect(minibatches.contains { $0.batchSize == 32 }) }
    }

    @Test(arguments: [2, 8192, 16_384, 16_385, 40_007], [1, 2, 3, 8])
    func partsOfAnEvaluationCountEveryTokenOnce(count: Int, partCount: Int) throws {
        let parts = try positions(count).evaluationStrands(partCount: partCount, tokenCount: 1024)
        #expect(parts.count == max(1, min(partCount, (count - 1) / 8192)))
        var counted: [Int32] = []
        for (number, part) in parts.enumerated() {
            let minibatches = minibatches(of: part)
            for (index, minibatch) in minibatches.enumerated() where part.counts(at: index) {
                counted += minibatch.targets
            }
            // All but the first part read 256 tokens before their own.
            if number > 0 { #expect(!part.counts(at: 0)) }
        }
        #expect(counted.sorted() == (1..<Int32(count)).map { $0 })
    }

    @Test(arguments: [1, 2, 3, 100])
    func partsOfWindowsAreTheWindowsInOrder(partCount: Int) throws {
        let tokens = positions(40)
        let whole = try tokens.validationWindows(
            batchSize: 4, sequenceLength: 3, after: 10, windowCount: 18)
        let parts = try tokens.validationWindows(
            batchSize: 4, sequenceLength: 3, after: 10, windowCount: 18, partCount: partCount)
        #expect(parts.count == min(partCount, whole.count))
        #expect(parts.flatMap { minibatches(of: $0) } == minibatches(of: whole))
    }

    /// What each of several processes reads is what one reads.
    @Test(arguments: Partitioning.allCases, [0..<3, 3..<6, 6..<8, 2..<7, 7..<20, 9..<12])
    func rowsAreThoseOfTheWholeMinibatch(partitioning: Partitioning, rows: Range<Int>) throws {
        let source = try partitioning.minibatches(
            of: positions(100), batchSize: 8, sequenceLength: 4, seed: 3, epoch: 1)
        var (whole, part, copy) = (Minibatch(), Minibatch(), Minibatch())
        for index in 0..<source.count {
            source.fill(&whole, at: index)
            source.fill(&part, at: index, rows: rows)
            let there = rows.clamped(to: 0..<whole.batchSize)
            #expect(part.batchSize == there.count && part.wholeBatchSize == whole.batchSize)
            #expect(part.sequenceLength == 4 && part.continuesState == whole.continuesState)
            for t in 0..<4 {
                for (b, row) in there.enumerated() {
                    #expect(part.inputs[t * there.count + b] == whole.inputs[t * whole.batchSize + row])
                    #expect(part.targets[t * there.count + b] == whole.targets[t * whole.batchSize + row])
                }
            }
            copy.copyRows(there, of: whole)
            #expect(copy == part)
        }
    }

    @Test(arguments: Partitioning.allCases)
    func fillsInAnyOrderInTheSameMemory(partitioning: Partitioning) throws {
        let tokens = positions(500).part(100..<400)
        let source = try partitioning.minibatches(
            of: tokens, batchSize: 4, sequenceLength: 7, seed: 9, epoch: 2)
        let again = try partitioning.minibatches(
            of: tokens, batchSize: 4, sequenceLength: 7, seed: 9, epoch: 2)
        let expected = minibatches(of: source)
        #expect(minibatches(of: again) == expected)
        var minibatch = Minibatch()
        again.fill(&minibatch, at: 0)
        let address = minibatch.inputs.withUnsafeBufferPointer { $0.baseAddress }
        for index in (0..<min(again.count, 9)).reversed() {
            again.fill(&minibatch, at: index)
            #expect(minibatch == expected[index])
        }
        #expect(minibatch.inputs.withUnsafeBufferPointer { $0.baseAddress } == address)
        #expect(starts(expected).joined().allSatisfy { (100..<400).contains($0) })
    }

    @Test(arguments: 0..<50 as Range<Int>)
    func theShortestTextIsEnoughForEveryOffset(epoch: Int) throws {
        for (partitioning, needed) in [
            (Partitioning.sequential, 3 * 4 + 4 + 1), (.random, 3 * 4 + 4), (.windows, 5),
        ] {
            let enough = try partitioning.minibatches(
                of: positions(needed), batchSize: 3, sequenceLength: 4, seed: 5, epoch: epoch)
            #expect(enough.count >= 1)
            _ = starts(minibatches(of: enough))
            let error = TextError.textTooShort(
                tokens: needed - 1, needed: needed, batchSize: 3, sequenceLength: 4)
            #expect(throws: error) {
                try partitioning.minibatches(
                    of: positions(needed - 1), batchSize: 3, sequenceLength: 4, seed: 5, epoch: epoch)
            }
        }
    }

    @Test(arguments: Partitioning.allCases)
    func reportsAbsurdSizes(partitioning: Partitioning) throws {
        func make(_ batchSize: Int, _ sequenceLength: Int) throws {
            _ = try partitioning.minibatches(
                of: positions(100), batchSize: batchSize, sequenceLength: sequenceLength, seed: 0, epoch: -1)
        }
        #expect(throws: outOfRange("batchSize", "0", "at least 1")) { try make(0, 3) }
        #expect(throws: outOfRange("sequenceLength", "-1", "at least 1")) { try make(3, -1) }
        #expect(throws: TextError.self) { try make(1, .max) }
        #expect(throws: TextError.self) { try make(.max, .max) }
        if partitioning == .windows {
            #expect(throws: Never.self) { try make(.max, 3) }
        } else {
            #expect(throws: TextError.self) { try make(.max, 3) }
            #expect(throws: TextError.self) { try make(.max / 3, 3) }
        }
    }

    @Test func reportsTooManyWindows() throws {
        let tokens = positions(100)
        #expect(throws: outOfRange("windowCount", "0", "at least 1")) {
            try Partitioning.windows.minibatches(
                of: tokens, batchSize: 1, sequenceLength: 3, seed: 0, epoch: 0, windowCount: 0)
        }
        #expect(throws: TextError.textTooShort(tokens: 100, needed: 101, batchSize: 1, sequenceLength: 3)) {
            try tokens.validationWindows(batchSize: 1, sequenceLength: 3, after: 90, windowCount: 8)
        }
        #expect(throws: TextError.textTooShort(tokens: 100, needed: .max, batchSize: 1, sequenceLength: 3)) {
            try tokens.validationWindows(batchSize: 1, sequenceLength: 3, after: .max)
        }
        #expect(throws: outOfRange("trainingWindows", "-1", "at least 0")) {
            try tokens.validationWindows(batchSize: 1, sequenceLength: 3, after: -1)
        }
        #expect(throws: TextError.textTooShort(tokens: 1, needed: 2, batchSize: 1, sequenceLength: 3)) {
            try positions(1).strand(sequenceLength: 3)
        }
    }
}
