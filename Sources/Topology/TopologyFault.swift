/// One thing wrong with a topology file: where, what was found, and what is allowed.
package struct TopologyFault: Equatable, Sendable {
    package var path: String
    /// From 1; nil when the fault is about the file itself.
    package var line: Int?
    /// From 1; known for YAML syntax only.
    package var column: Int?
    package var message: String

    /// `path:line: message`, the form that editors jump to.
    package var description: String {
        var place = self.path
        if let line = self.line { place += ":\(line)" }
        if let column = self.column { place += ":\(column)" }
        return "\(place): \(self.message)"
    }
}

/// Every fault that was found in a topology, in the order of the file; never empty.
package struct TopologyError: Error, Equatable, Sendable {
    package var faults: [TopologyFault]

    /// One line a fault.
    package var description: String {
        self.faults.map(\.description).joined(separator: "\n")
    }
}

/// The known word that somebody probably meant.
package enum Suggestion {
    /// Longer words are not compared: nobody mistypes into them by a letter or two.
    private static let bytesMax = 40

    /// The candidate at the smallest edit distance, if near enough to be a slip: at most a third of
    /// the letters (rounded up), and at most three.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let found = self.lowercased(word)
        guard !found.isEmpty, found.count <= self.bytesMax else { return nil }
        var best: (distance: Int, word: String)?
        for candidate in candidates where candidate != word {
            let bytes = self.lowercased(candidate)
            let limit = min((max(found.count, bytes.count) + 2) / 3, 3)
            guard abs(found.count - bytes.count) <= limit else { continue }
            let distance = self.distance(found, bytes)
            guard distance <= limit, distance < min(best?.distance ?? .max, bytes.count) else {
                continue
            }
            best = (distance, candidate)
        }
        return best?.word
    }

    /// `; did you mean 'x'?` or, without a near word, the given text.
    package static func clause(
        for word: String,
        among candidates: [String],
        otherwise: String
    ) -> String {
        guard let nearest = self.nearest(to: word, among: candidates) else { return otherwise }
        return "; did you mean '\(nearest)'?"
    }

    /// Edits (insert, delete, replace, swap of neighbours) that turn one into the other: the
    /// optimal string alignment distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...max(left.count, 1) where row <= left.count {
            var current = [Int](repeating: row, count: right.count + 1)
            for column in 1...max(right.count, 1) where column <= right.count {
                let isSame = left[row - 1] == right[column - 1]
                var best = min(last[column], current[column - 1]) + 1
                best = min(best, last[column - 1] + (isSame ? 0 : 1))
                if row > 1, column > 1, left[row - 1] == right[column - 2],
                    left[row - 2] == right[column - 1]
                {
                    best = min(best, beforeLast[column - 2] + 1)
                }
                current[column] = best
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    private static func lowercased(_ word: String) -> [UInt8] {
        word.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    }
}
