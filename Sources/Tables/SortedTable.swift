import DataModel

/// Keys in byte order with their values, as a list of short sorted runs.
///
/// An insertion moves at most one run, and a copy shares all runs until one of the two changes.
/// The first bytes of a key stand beside it as two numbers, so that a search seldom looks at the
/// key itself: a simulated cluster spends much of its time here.
struct SortedTable {
    /// The first sixteen bytes of a key as a number, filled up with zeros.
    ///
    /// Where two of them differ they are in the order of their keys; where they are equal, the
    /// keys decide.
    private struct Prefix {
        var high: UInt64
        var low: UInt64

        init(_ key: [UInt8]) {
            (self.high, self.low) = key.withUnsafeBytes { bytes in
                (Self.word(bytes, at: 0), Self.word(bytes, at: 8))
            }
        }

        private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
            if offset + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                return UInt64(bigEndian: word)
            }
            var word: UInt64 = 0
            for place in offset..<(offset + 8) {
                word = word << 8 | UInt64(place < bytes.count ? bytes[place] : 0)
            }
            return word
        }
    }

    private struct Entry {
        var prefix: Prefix
        var key: [UInt8]
        var value: [UInt8]

        /// Whether the entry's key is below another one.
        @inline(__always)
        func isBelow(_ prefix: Prefix, _ key: [UInt8]) -> Bool {
            if self.prefix.high != prefix.high { return self.prefix.high < prefix.high }
            if self.prefix.low != prefix.low { return self.prefix.low < prefix.low }
            return ByteOrder.isLess(self.key, key)
        }

        @inline(__always)
        func has(_ prefix: Prefix, _ key: [UInt8]) -> Bool {
            self.prefix.high == prefix.high && self.prefix.low == prefix.low && self.key == key
        }
    }

    private static let runMax = 128

    /// None is empty.
    private var runs: [[Entry]] = []
    private(set) var count = 0

    func value(_ key: [UInt8]) -> [UInt8]? {
        let prefix = Prefix(key)
        let place = self.lowerBound(prefix, key)
        guard place.run < self.runs.count,
            self.runs[place.run][place.offset].has(prefix, key)
        else { return nil }
        return self.runs[place.run][place.offset].value
    }

    mutating func put(_ key: [UInt8], _ value: [UInt8]) {
        let prefix = Prefix(key)
        var place = self.lowerBound(prefix, key)
        if place.run < self.runs.count, self.runs[place.run][place.offset].has(prefix, key) {
            self.runs[place.run][place.offset].value = value
            return
        }
        self.count += 1
        let entry = Entry(prefix: prefix, key: key, value: value)
        if self.runs.isEmpty {
            self.runs.append([entry])
            return
        }
        // A key between two runs goes to the end of the former.
        if place.offset == 0, place.run > 0 {
            place.run -= 1
            place.offset = self.runs[place.run].count
        }
        self.runs[place.run].insert(entry, at: place.offset)
        guard self.runs[place.run].count > Self.runMax else { return }
        let tail = Array(self.runs[place.run][(Self.runMax / 2)...])
        self.runs[place.run].removeSubrange((Self.runMax / 2)...)
        self.runs.insert(tail, at: place.run + 1)
    }

    mutating func remove(_ key: [UInt8]) {
        let prefix = Prefix(key)
        let place = self.lowerBound(prefix, key)
        guard place.run < self.runs.count, self.runs[place.run][place.offset].has(prefix, key)
        else { return }
        self.count -= 1
        self.runs[place.run].remove(at: place.offset)
        if self.runs[place.run].isEmpty { self.runs.remove(at: place.run) }
    }

    mutating func removeRange(_ from: [UInt8], _ to: [UInt8]) {
        guard ByteOrder.isLess(from, to) else { return }
        let first = self.lowerBound(Prefix(from), from)
        let last = self.lowerBound(Prefix(to), to)
        guard (first.run, first.offset) < (last.run, last.offset) else { return }
        if first.run == last.run {
            self.count -= last.offset - first.offset
            self.runs[first.run].removeSubrange(first.offset..<last.offset)
            if self.runs[first.run].isEmpty { self.runs.remove(at: first.run) }
            return
        }
        for run in self.runs[(first.run + 1)..<last.run] { self.count -= run.count }
        self.count -= self.runs[first.run].count - first.offset + last.offset
        if last.run < self.runs.count { self.runs[last.run].removeSubrange(..<last.offset) }
        self.runs[first.run].removeSubrange(first.offset...)
        let keptFirst = self.runs[first.run].isEmpty ? first.run : first.run + 1
        self.runs.removeSubrange(keptFirst..<last.run)
    }

    func scan(
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) {
        if reverse { return self.scanBackwards(from: from, to: to, visit) }
        var place = self.lowerBound(Prefix(from), from)
        while place.run < self.runs.count {
            let entry = self.runs[place.run][place.offset]
            if let to, !ByteOrder.isLess(entry.key, to) { return }
            guard Self.show(entry, visit) else { return }
            place.offset += 1
            if place.offset == self.runs[place.run].count { place = (place.run + 1, 0) }
        }
    }

    private func scanBackwards(
        from: [UInt8],
        to: [UInt8]?,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) {
        var place = to.map { self.lowerBound(Prefix($0), $0) } ?? (run: self.runs.count, offset: 0)
        while true {
            if place.offset == 0 {
                guard place.run > 0 else { return }
                place = (run: place.run - 1, offset: self.runs[place.run - 1].count)
            }
            place.offset -= 1
            let entry = self.runs[place.run][place.offset]
            if ByteOrder.isLess(entry.key, from) { return }
            guard Self.show(entry, visit) else { return }
        }
    }

    private static func show(
        _ entry: Entry,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        entry.key.withUnsafeBytes { key in
            entry.value.withUnsafeBytes { value in visit(key, value) }
        }
    }

    /// The place of the first key that is not below `key`; behind the last run if there is none.
    private func lowerBound(_ prefix: Prefix, _ key: [UInt8]) -> (run: Int, offset: Int) {
        // Pointers, because an array in an array is otherwise retained at every step.
        self.runs.withUnsafeBufferPointer { runs in
            var low = 0
            var high = runs.count
            while low < high {
                let middle = (low + high) / 2
                let isBelow = runs[middle].withUnsafeBufferPointer {
                    $0[$0.count - 1].isBelow(prefix, key)
                }
                if isBelow { low = middle + 1 } else { high = middle }
            }
            guard low < runs.count else { return (low, 0) }
            let offset = runs[low].withUnsafeBufferPointer { run in
                var start = 0
                var end = run.count
                while start < end {
                    let middle = (start + end) / 2
                    if run[middle].isBelow(prefix, key) {
                        start = middle + 1
                    } else {
                        end = middle
                    }
                }
                return start
            }
            return (low, offset)
        }
    }
}
