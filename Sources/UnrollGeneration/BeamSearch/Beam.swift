/// A continuation that beam search goes on with.
struct Beam {
    private(set) var tokens: [Int32] = []
    private(set) var logProbability = 0.0
    private(set) var text = ""
    /// Whether a stop string has ended it.
    private(set) var hasStopped = false
    private var decoder: TextDecoder
    private var matcher: StopMatcher

    init(_ decoder: TextDecoder, _ matcher: StopMatcher) {
        self.decoder = decoder
        self.matcher = matcher
    }

    /// This one and a token more.
    func adding(_ token: Int32, logProbability: Double) -> Beam {
        var beam = self
        beam.tokens.append(token)
        beam.logProbability = logProbability
        beam.add(beam.decoder.decode(token))
        return beam
    }

    /// This one with what was kept back, as nothing comes any more.
    func finished() -> Beam {
        guard !hasStopped else { return self }
        var beam = self
        beam.add(decoder.finish())
        if !beam.hasStopped { beam.text += beam.matcher.finish() }
        return beam
    }

    private mutating func add(_ piece: String) {
        let (more, stop) = matcher.append(piece)
        text += more
        hasStopped = stop != nil
    }
}
