extension Optimizer: Codable {
    private enum CodingKeys: String, CodingKey {
        case rule, learningRate, maxGradientNorm, weightDecay, averaging
        case momentum, decay, beta1, beta2, epsilon, averagingDecay
    }

    /// Reads what `encode(to:)` writes; numbers of a rule that are left out are its usual ones.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys, _ usual: Float) throws -> Float {
            try values.decodeIfPresent(Float.self, forKey: key) ?? usual
        }
        func betas() throws -> (Float, Float, Float) {
            (try number(.beta1, 0.9), try number(.beta2, 0.999), try number(.epsilon, 1e-8))
        }
        func unknown(_ key: CodingKeys, _ name: String) -> DecodingError {
            .dataCorruptedError(
                forKey: key, in: values, debugDescription: "there is no \(key.rawValue) '\(name)'")
        }
        let rule: Rule
        switch try values.decode(String.self, forKey: .rule) {
        case "sgd": rule = .sgd
        case "momentum": rule = .momentum(try number(.momentum, 0.9))
        case "nesterov": rule = .nesterov(try number(.momentum, 0.9))
        case "rmsprop": rule = .rmsprop(decay: try number(.decay, 0.99), epsilon: try number(.epsilon, 1e-8))
        case "adam":
            let (beta1, beta2, epsilon) = try betas()
            rule = .adam(beta1: beta1, beta2: beta2, epsilon: epsilon)
        case "adamw":
            let (beta1, beta2, epsilon) = try betas()
            rule = .adamw(beta1: beta1, beta2: beta2, epsilon: epsilon)
        case let name: throw unknown(.rule, name)
        }
        let averaging: Averaging
        switch try values.decodeIfPresent(String.self, forKey: .averaging) {
        case nil: averaging = .none
        case "mean": averaging = .mean
        case "exponential":
            averaging = .exponential(decay: try values.decode(Float.self, forKey: .averagingDecay))
        case let name?: throw unknown(.averaging, name)
        }
        self.init(
            rule: rule, learningRate: try values.decode(Float.self, forKey: .learningRate),
            maxGradientNorm: try values.decodeIfPresent(Float.self, forKey: .maxGradientNorm),
            weightDecay: try number(.weightDecay, 0), averaging: averaging)
    }

    /// Writes the rule's name and numbers as keys of one object.
    ///
    /// What is off is left out: the records of runs from before there was anything but SGD keep their bytes, and with
    /// them their seal.
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
        try values.encodeIfPresent(maxGradientNorm, forKey: .maxGradientNorm)
        if weightDecay != 0 { try values.encode(weightDecay, forKey: .weightDecay) }
        switch averaging {
        case .none: break
        case .mean: try values.encode("mean", forKey: .averaging)
        case .exponential(let decay):
            try values.encode("exponential", forKey: .averaging)
            try values.encode(decay, forKey: .averagingDecay)
        }
    }
}
