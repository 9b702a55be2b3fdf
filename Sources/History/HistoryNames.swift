/// An item of a table, as a small number.
package struct KeyName: Hashable, Comparable, Sendable {
    package var number: UInt32
    package init(_ number: UInt32) { self.number = number }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
}

/// A write's unique name, as a small number.
package struct WriteName: Hashable, Comparable, Sendable {
    package var number: UInt32
    package init(_ number: UInt32) { self.number = number }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
}

/// A node, as a small number.
package struct NodeName: Hashable, Comparable, Sendable {
    package var number: UInt32
    package init(_ number: UInt32) { self.number = number }
    package static func < (lhs: Self, rhs: Self) -> Bool { lhs.number < rhs.number }
}

/// An error or a remark, as a small number.
package struct TextName: Hashable, Sendable {
    package var number: UInt32
    package init(_ number: UInt32) { self.number = number }
}

/// The names of a history: each text is kept once and stands for a small number.
///
/// Numbers are given in the order in which names first appear, so the same history has the same
/// numbers. Names are bytes, whatever they hold.
package struct HistoryNames: Sendable {
    /// In the order of their ranks.
    package let regions: [String]
    private var tables = NameTable()
    /// The table's number (4 bytes), then the key.
    private var keys = NameTable()
    private var writes = NameTable()
    private var nodes = NameTable()
    private var texts = NameTable()
    private var scratch: [UInt8] = []

    package init(regions: [String]) { self.regions = regions }

    // MARK: Giving numbers

    package mutating func key(_ key: String, table: String) -> KeyName {
        self.key(Array(key.utf8), table: Array(table.utf8))
    }

    package mutating func key(_ key: [UInt8], table: [UInt8]) -> KeyName {
        key.withUnsafeBytes { key in table.withUnsafeBytes { self.key(key, table: $0) } }
    }

    package mutating func key(
        _ key: UnsafeRawBufferPointer,
        table: UnsafeRawBufferPointer
    ) -> KeyName {
        let table = self.tables.number(of: table)
        self.scratch.removeAll(keepingCapacity: true)
        withUnsafeBytes(of: table.littleEndian) { self.scratch.append(contentsOf: $0) }
        self.scratch.append(contentsOf: key)
        return KeyName(self.scratch.withUnsafeBytes { self.keys.number(of: $0) })
    }

    package mutating func write(_ text: String) -> WriteName { self.write(Array(text.utf8)) }

    package mutating func write(_ text: [UInt8]) -> WriteName {
        text.withUnsafeBytes { self.write($0) }
    }

    package mutating func write(_ text: UnsafeRawBufferPointer) -> WriteName {
        WriteName(self.writes.number(of: text))
    }

    package mutating func node(_ text: String) -> NodeName {
        Array(text.utf8).withUnsafeBytes { self.node($0) }
    }

    package mutating func node(_ text: UnsafeRawBufferPointer) -> NodeName {
        NodeName(self.nodes.number(of: text))
    }

    package mutating func text(_ text: String) -> TextName {
        Array(text.utf8).withUnsafeBytes { self.text($0) }
    }

    package mutating func text(_ text: UnsafeRawBufferPointer) -> TextName {
        TextName(self.texts.number(of: text))
    }

    // MARK: Reading them back

    package var keyCount: Int { self.keys.count }
    package var writeCount: Int { self.writes.count }
    package var nodeCount: Int { self.nodes.count }

    package func bytes(of name: WriteName) -> [UInt8] { Array(self.writes[name.number]) }
    package func bytes(of name: NodeName) -> [UInt8] { Array(self.nodes[name.number]) }
    package func bytes(of name: TextName) -> [UInt8] { Array(self.texts[name.number]) }
    /// The key without its table.
    package func bytes(of name: KeyName) -> [UInt8] { Array(self.keys[name.number].dropFirst(4)) }
    package func tableBytes(of name: KeyName) -> [UInt8] {
        Array(self.tables[self.tableNumber(of: name)])
    }

    /// Tables are numbered in the order of their appearance.
    package func tableNumber(of name: KeyName) -> UInt32 {
        var number: UInt32 = 0
        for byte in self.keys[name.number].prefix(4).reversed() {
            number = number << 8 | UInt32(byte)
        }
        return number
    }

    func slice(_ name: WriteName) -> ArraySlice<UInt8> { self.writes[name.number] }
    func slice(_ name: NodeName) -> ArraySlice<UInt8> { self.nodes[name.number] }
    func slice(_ name: TextName) -> ArraySlice<UInt8> { self.texts[name.number] }
    func slice(_ name: KeyName) -> ArraySlice<UInt8> { self.keys[name.number].dropFirst(4) }
    func tableSlice(_ name: KeyName) -> ArraySlice<UInt8> {
        self.tables[self.tableNumber(of: name)]
    }

    // For people: what is no UTF-8 is replaced.

    package func display(_ name: WriteName) -> String {
        String(decoding: self.bytes(of: name), as: UTF8.self)
    }
    package func display(_ name: NodeName) -> String {
        String(decoding: self.bytes(of: name), as: UTF8.self)
    }
    package func display(_ name: TextName) -> String {
        String(decoding: self.bytes(of: name), as: UTF8.self)
    }
    /// `table/key`.
    package func display(_ name: KeyName) -> String {
        String(decoding: self.tableBytes(of: name), as: UTF8.self) + "/"
            + String(decoding: self.bytes(of: name), as: UTF8.self)
    }
    package func display(region: RegionRank) -> String {
        Int(region) < self.regions.count ? self.regions[Int(region)] : "region \(region)"
    }
}

/// Texts end to end in one array, found by open addressing.
struct NameTable: Sendable {
    private var arena: [UInt8] = []
    /// Where each text ends; the first starts at zero.
    private var ends: [Int] = []
    private var hashes: [UInt32] = []
    /// Numbers plus one, zero for a free slot; a power of two, at most half full.
    private var slots = [UInt32](repeating: 0, count: 64)

    var count: Int { self.ends.count }

    subscript(number: UInt32) -> ArraySlice<UInt8> {
        let index = Int(number)
        return self.arena[(index == 0 ? 0 : self.ends[index - 1])..<self.ends[index]]
    }

    /// The text's number, a new one if it is new.
    mutating func number(of text: UnsafeRawBufferPointer) -> UInt32 {
        let hash = Self.hash(text)
        let mask = self.slots.count - 1
        var slot = Int(hash) & mask
        while self.slots[slot] != 0 {
            let number = self.slots[slot] - 1
            if self.hashes[Int(number)] == hash, self.isEqual(number, text) { return number }
            slot = (slot + 1) & mask
        }
        let number = UInt32(self.ends.count)
        self.arena.append(contentsOf: text)
        self.ends.append(self.arena.count)
        self.hashes.append(hash)
        self.slots[slot] = number + 1
        if self.ends.count * 2 > self.slots.count { self.grow() }
        return number
    }

    private func isEqual(_ number: UInt32, _ text: UnsafeRawBufferPointer) -> Bool {
        let index = Int(number)
        let start = index == 0 ? 0 : self.ends[index - 1]
        guard self.ends[index] - start == text.count else { return false }
        return self.arena.withUnsafeBufferPointer { arena in
            for offset in 0..<text.count where arena[start + offset] != text[offset] {
                return false
            }
            return true
        }
    }

    private mutating func grow() {
        self.slots = [UInt32](repeating: 0, count: self.slots.count * 2)
        let mask = self.slots.count - 1
        for (number, hash) in self.hashes.enumerated() {
            var slot = Int(hash) & mask
            while self.slots[slot] != 0 { slot = (slot + 1) & mask }
            self.slots[slot] = UInt32(number) + 1
        }
    }

    /// FNV-1a, mixed once more: names are short.
    private static func hash(_ text: UnsafeRawBufferPointer) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: hash >> 32)
    }
}
