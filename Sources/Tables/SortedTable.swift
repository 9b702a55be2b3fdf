import DataModel

/// Keys in byte order with their values, as a list of short sorted runs.
///
/// An insertion moves at most one run, and a copy shares all runs until one of the two changes.
struct SortedTable {
    struct Entry {
        var key: [UInt8]
        var value: [UInt8]
    }

    private static let runMax = 256

    /// None is empty.
    private var runs: [[Entry]] = []
    private(set) var count = 0

    func value(_ key: [UInt8]) -> [UInt8]? {
        let place = self.lowerBound(key)
        guard place.run < self.runs.count else { return nil }
        let entry = self.runs[place.run][place.offset]
        return entry.key == key ? entry.value : nil
    }

    mutating func put(_ key: [UInt8], _ value: [UInt8]) {
        var place = self.lowerBound(key)
        if place.run < self.runs.count, self.runs[place.run][place.offset].key == key {
            self.runs[place.run][place.offset].value = value
            return
        }
        self.count += 1
        let entry = Entry(key: key, value: value)
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
        let place = self.lowerBound(key)
        guard place.run < self.runs.count, self.runs[place.run][place.offset].key == key else {
            return
        }
        self.count -= 1
        self.runs[place.run].remove(at: place.offset)
        if self.runs[place.run].isEmpty { self.runs.remove(at: place.run) }
    }

    mutating func removeRange(_ from: [UInt8], _ to: [UInt8]) {
        guard ByteOrder.isLess(from, to) else { return }
        let first = self.lowerBound(from)
        let last = self.lowerBound(to)
        guard (first.run, first.offset) < (last.run, last.offset) else { return }
        if first.run == last.run {
            self.runs[first.run].removeSubrange(first.offset..<last.offset)
        } else {
            if last.run < self.runs.count { self.runs[last.run].removeSubrange(..<last.offset) }
            self.runs[first.run].removeSubrange(first.offset...)
            self.runs.removeSubrange((first.run + 1)..<last.run)
        }
        self.runs.removeAll { $0.isEmpty }
        self.count = self.runs.reduce(0) { $0 + $1.count }
    }

    func scan(
        from: [UInt8],
        to: [UInt8]?,
        reverse: Bool,
        _ visit: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
    ) {
        if reverse { return self.scanBackwards(from: from, to: to, visit) }
        var place = self.lowerBound(from)
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
        var place = to.map { self.lowerBound($0) } ?? (run: self.runs.count, offset: 0)
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
    private func lowerBound(_ key: [UInt8]) -> (run: Int, offset: Int) {
        var low = 0
        var high = self.runs.count
        while low < high {
            let middle = (low + high) / 2
            let last = self.runs[middle][self.runs[middle].count - 1].key
            if ByteOrder.isLess(last, key) { low = middle + 1 } else { high = middle }
        }
        guard low < self.runs.count else { return (low, 0) }
        var start = 0
        var end = self.runs[low].count
        while start < end {
            let middle = (start + end) / 2
            if ByteOrder.isLess(self.runs[low][middle].key, key) {
                start = middle + 1
            } else {
                end = middle
            }
        }
        return (low, start)
    }
}
