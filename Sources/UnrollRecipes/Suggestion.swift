/// What somebody probably meant.
enum Suggestion {
    /// The nearest of the known words, if it is near enough to be worth saying.
    static func nearest(to word: String, among known: [String]) -> String? {
        let nearest = known.map { (word: $0, distance: distance(word.lowercased(), $0.lowercased())) }
            .min { $0.distance < $1.distance }
        return nearest.flatMap { $0.distance <= max(2, word.count / 3) ? $0.word : nil }
    }

    /// How many characters to insert, delete or replace to make one word of another (Levenshtein, 1966).
    static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var previous = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var row = [i + 1]
            for (j, y) in b.enumerated() {
                row.append(min(previous[j] + (x == y ? 0 : 1), previous[j + 1] + 1, row[j] + 1))
            }
            previous = row
        }
        return previous[b.count]
    }
}
