/// How closely hidden units follow features of a text: Pearson's correlation, from sums of a single pass.
package struct UnitCorrelations {
    private let unitCount: Int
    private var count = 0.0
    /// Sums of each unit's activations and of their squares, `[units]`.
    private var sums: [Double]
    private var squares: [Double]
    /// The same of features, `[features]`.
    private var featureSums: [Double]
    private var featureSquares: [Double]
    /// Sums of products, `[features][units]`.
    private var products: [[Double]]

    package init(unitCount: Int, featureCount: Int) {
        self.unitCount = unitCount
        sums = [Double](repeating: 0, count: unitCount)
        squares = sums
        featureSums = [Double](repeating: 0, count: featureCount)
        featureSquares = featureSums
        products = [[Double]](repeating: sums, count: featureCount)
    }

    /// Takes another place of the text into account.
    ///
    /// - Parameters:
    ///   - activations: Those of all units.
    ///   - features: Those of the place.
    package mutating func add(_ activations: [Float], features: [Float]) {
        count += 1
        for unit in 0..<unitCount {
            let activation = Double(activations[unit])
            sums[unit] += activation
            squares[unit] += activation * activation
        }
        for (index, feature) in features.enumerated() where feature != 0 {
            let feature = Double(feature)
            featureSums[index] += feature
            featureSquares[index] += feature * feature
            for unit in 0..<unitCount { products[index][unit] += feature * Double(activations[unit]) }
        }
    }

    /// The correlation of a unit with a feature, from -1 to 1; 0 where either stays the same.
    package func correlation(unit: Int, feature: Int) -> Double {
        let spread = variation(sums[unit], squares[unit])
        let featureSpread = variation(featureSums[feature], featureSquares[feature])
        guard spread > 0, featureSpread > 0 else { return 0 }
        let common = count * products[feature][unit] - sums[unit] * featureSums[feature]
        return min(max(common / (spread * featureSpread).squareRoot(), -1), 1)
    }

    /// The units with the greatest absolute correlations with a feature, the greatest first.
    package func best(_ count: Int, for feature: Int) -> [(unit: Int, correlation: Double)] {
        let all = (0..<unitCount).map { (unit: $0, correlation: correlation(unit: $0, feature: feature)) }
        let found = all.filter { $0.correlation != 0 }.sorted { left, right in
            let (first, second) = (abs(left.correlation), abs(right.correlation))
            return first == second ? left.unit < right.unit : first > second
        }
        return Array(found.prefix(count))
    }

    /// The variance times the square of the count, 0 where it is no more than rounding.
    private func variation(_ sum: Double, _ square: Double) -> Double {
        let value = count * square - sum * sum
        return value > 1e-12 * count * square ? value : 0
    }
}
