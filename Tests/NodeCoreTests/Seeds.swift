import Foundation

/// Which seeds the simulated tests run: `SEED=n` replays one, `SEEDS=n` runs so many.
///
/// Unasked it is few of them, so that the suite is quick, and those that once found something.
enum Seeds {
    static func first(_ count: UInt64, and found: [UInt64] = []) -> [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["SEED"].flatMap(UInt64.init) { return [seed] }
        let first = Array(0..<(environment["SEEDS"].flatMap(UInt64.init) ?? count))
        return first + found.filter { !first.contains($0) }
    }

    /// Tells which seed runs, so that a trap can be replayed: set `TELL=1`.
    static func tell(_ test: String, _ seed: UInt64) {
        guard ProcessInfo.processInfo.environment["TELL"] != nil else { return }
        FileHandle.standardError.write(Data("\(test) SEED=\(seed)\n".utf8))
    }
}
