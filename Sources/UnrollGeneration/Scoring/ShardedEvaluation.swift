import Foundation
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Measures how well the model predicts a text that is read in shards: consecutive parts, of which each but the first
    /// begins with the 256 tokens before it, which do not count.
    ///
    /// The processes of a group share the shards out. What comes of it depends on the number of shards, and not on that of
    /// processes; with one shard it is that of ``evaluate(on:adapting:precision:threads:progress:)``.
    ///
    /// - Parameters:
    ///   - corpus: The text, as tokens of this model's vocabulary.
    ///   - shards: The number of shards, at least that of processes. A text of fewer than 1,024 tokens for each has fewer.
    ///   - group: The processes, all of which call this with the same model and text. Default: this one alone.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    ///   - progress: Is called from time to time with the part that is done of what is this process's, in 0...1.
    /// - Returns: The totals of the whole text, in every process.
    /// - Throws: `ParameterError` for too few shards, `ClusterError`, and as for one shard.
    public func evaluate(
        on corpus: Corpus, shards: Int, in group: (any ProcessGroup)? = nil, precision: Precision? = nil,
        threads: Int? = nil, progress: (Double) -> Void = { _ in }
    ) throws -> Evaluation {
        let processes = group?.size ?? 1
        try ParameterError.require(
            shards >= processes, "shards", is: shards, but: "at least the number of processes, \(processes)")
        let tokens = corpus.tokens
        let count = max(1, min(shards, tokens.count / Self.shortestShard))
        let own = ShardTree(count: count).shards(of: group?.rank ?? 0, of: processes)
        var sums: [EvaluationTotals.Sum] = []
        for shard in own {
            let range = tokens.count * shard / count..<tokens.count * (shard + 1) / count
            let done = Double(shard - own.lowerBound)
            let report = { progress((done + $0) / Double(own.count)) }
            sums.append(
                shard == 0
                    ? try evaluateFirst(
                        tokens.part(range), precision: precision, threads: threads, progress: report)
                    : try evaluate(
                        range, of: tokens, precision: precision, threads: threads, progress: report))
        }
        if let group { sums = try group.gather(sums).flatMap(\.self) }
        var totals = EvaluationTotals(
            TextStart(Tokenizer(vocabulary), of: vocabulary), vocabularySize: vocabulary.count)
        for sum in sums { totals.add(sum) }
        guard totals.sum.nats.isFinite else { throw GenerationError.notANumber }
        return totals.evaluation(by: vocabulary, byteCount: corpus.byteCount)
    }

    /// Tokens of a shard at least, of which those that are read before it must be a small part.
    private static var shortestShard: Int { 1024 }

    /// Adds up the surprisal of the beginning of a text.
    private func evaluateFirst(
        _ tokens: TokenIDs, precision: Precision?, threads: Int?, progress: (Double) -> Void
    ) throws -> EvaluationTotals.Sum {
        var blocks = TokenBlocks(of: tokens)
        return try evaluate(adapting: nil, precision: precision, threads: threads) {
            progress(blocks.fraction)
            return blocks.next()
        }.sum
    }

    /// Adds up the surprisal of some tokens of a text, after as many before them as a block has.
    private func evaluate(
        _ range: Range<Int>, of tokens: TokenIDs, precision: Precision?, threads: Int?,
        progress: (Double) -> Void
    ) throws -> EvaluationTotals.Sum {
        // The first block predicts the tokens before the range, from the one before them on.
        let part = tokens.part(range.lowerBound - TokenBlocks.size - 1..<range.upperBound)
        let source = try part.strand(sequenceLength: TokenBlocks.size)
        var sum = EvaluationTotals.Sum()
        sum.tokens = range.count
        sum.unknown = tokens.part(range).occurrences(of: Vocabulary.unknownID)
        var minibatch = Minibatch()
        try withEngine(precision: precision, threads: threads) { engine in
            for index in 0..<source.count {
                try Task.checkCancellation()
                source.fill(&minibatch, at: index)
                let nats = try engine.evaluate(minibatch)
                if index > 0 { sum.nats += nats }
                progress(Double(index + 1) / Double(source.count))
            }
        }
        return sum
    }
}
