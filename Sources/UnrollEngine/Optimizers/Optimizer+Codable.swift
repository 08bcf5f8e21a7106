extension Optimizer: Codable {
    private enum CodingKeys: String, CodingKey {
        case rule, learningRate, maxGradientNorm, weightDecay, averaging
        case momentum, decay, beta1, beta2, epsilon, averagingDecay
    }

    /// Reads what `encode(to:)` writes.
    ///
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Float { try values.decode(Float.self, forKey: key) }
        func unknown(_ key: CodingKeys, _ name: String, _ known: [String]) -> DecodingError {
            .dataCorruptedError(
                forKey: key, in: values,
                debugDescription:
                    "there is no \(key.rawValue) '\(name)'; known: \(known.joined(separator: ", "))")
        }
        let rule: Rule
        switch try values.decode(String.self, forKey: .rule) {
        case "sgd": rule = .sgd
        case "momentum": rule = .momentum(try number(.momentum))
        case "nesterov": rule = .nesterov(try number(.momentum))
        case "rmsprop": rule = .rmsprop(decay: try number(.decay), epsilon: try number(.epsilon))
        case "adam":
            rule = .adam(
                beta1: try number(.beta1), beta2: try number(.beta2), epsilon: try number(.epsilon))
        case "adamw":
            rule = .adamw(
                beta1: try number(.beta1), beta2: try number(.beta2), epsilon: try number(.epsilon))
        case let name: throw unknown(.rule, name, Rule.all.map(\.name))
        }
        let averaging: Averaging
        switch try values.decode(String.self, forKey: .averaging) {
        case "none": averaging = .none
        case "mean": averaging = .mean
        case "exponential": averaging = .exponential(decay: try number(.averagingDecay))
        case let name: throw unknown(.averaging, name, ["none", "mean", "exponential"])
        }
        self.init(
            rule: rule, learningRate: try number(.learningRate),
            maxGradientNorm: try values.decodeIfPresent(Float.self, forKey: .maxGradientNorm),
            weightDecay: try number(.weightDecay), averaging: averaging)
    }

    /// Writes the names of the rule and of the averaging, and all numbers, as keys of one object.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(rule.name, forKey: .rule)
        switch rule {
        case .sgd: break
        case .momentum(let momentum), .nesterov(let momentum):
            try values.encode(momentum, forKey: .momentum)
        case .rmsprop(let decay, let epsilon):
            try values.encode(decay, forKey: .decay)
            try values.encode(epsilon, forKey: .epsilon)
        case .adam(let beta1, let beta2, let epsilon), .adamw(let beta1, let beta2, let epsilon):
            try values.encode(beta1, forKey: .beta1)
            try values.encode(beta2, forKey: .beta2)
            try values.encode(epsilon, forKey: .epsilon)
        }
        try values.encode(learningRate, forKey: .learningRate)
        try values.encode(maxGradientNorm, forKey: .maxGradientNorm)
        try values.encode(weightDecay, forKey: .weightDecay)
        switch averaging {
        case .none: try values.encode("none", forKey: .averaging)
        case .mean: try values.encode("mean", forKey: .averaging)
        case .exponential(let decay):
            try values.encode("exponential", forKey: .averaging)
            try values.encode(decay, forKey: .averagingDecay)
        }
    }
}
