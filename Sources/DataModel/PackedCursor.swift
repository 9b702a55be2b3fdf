/// Tags of packed values.
enum PackedTag {
    static let null: UInt8 = 0
    static let isFalse: UInt8 = 1
    static let isTrue: UInt8 = 2
    static let number: UInt8 = 3
    static let string: UInt8 = 4
    static let list: UInt8 = 6
    static let map: UInt8 = 7
    static let last: UInt8 = 10

    /// The tag of a type other than Boolean, whose tag is the value.
    static func of(_ type: AttributeType) -> UInt8 { type.rawValue == 0 ? 0 : type.rawValue + 1 }

    static func type(_ tag: UInt8) -> AttributeType {
        guard tag > self.isTrue else { return tag == self.null ? .null : .bool }
        guard let type = AttributeType(rawValue: tag - 1) else {
            preconditionFailure("an unknown packed tag")
        }
        return type
    }
}

/// Walks packed bytes that were validated or written here.
///
/// Bad bytes would be a broken invariant: they trap, and are never read past their end.
struct PackedCursor {
    let buffer: UnsafeRawBufferPointer
    var offset: Int

    init(_ buffer: UnsafeRawBufferPointer, at offset: Int) {
        self.buffer = buffer
        self.offset = offset
    }

    mutating func byte() -> UInt8 {
        precondition(self.offset < self.buffer.count)
        defer { self.offset &+= 1 }
        return self.buffer[self.offset]
    }

    func peek() -> UInt8 {
        precondition(self.offset < self.buffer.count)
        return self.buffer[self.offset]
    }

    /// Nearly all lengths and counts fit one byte, so that case is worth inlining.
    @inline(__always)
    mutating func varint() -> Int {
        let first = self.byte()
        return first < 0x80 ? Int(first) : self.longVarint(first)
    }

    @inline(never)
    private mutating func longVarint(_ first: UInt8) -> Int {
        var value = Int(first & 0x7F)
        var shift = 7
        while true {
            let byte = self.byte()
            precondition(shift < 35)
            value |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// The range of the next `count` bytes, which are passed over.
    mutating func skip(_ count: Int) -> Range<Int> {
        precondition(count <= self.buffer.count - self.offset)
        defer { self.offset += count }
        return self.offset..<self.offset + count
    }

    /// A varint length and the bytes that follow it.
    mutating func block() -> Range<Int> { self.skip(self.varint()) }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self.buffer[range])
    }

    /// Passes over a whole value and returns the range of its payload: the bytes of a scalar or, of
    /// a container, the count and all that follows.
    mutating func payload() -> Range<Int> {
        let tag = self.byte()
        if tag <= PackedTag.isTrue { return self.offset..<self.offset }
        if tag == PackedTag.number { return self.skip(Int(self.byte())) }
        return self.block()
    }

    /// Passes over a whole value and returns its range with the tag.
    mutating func value() -> Range<Int> {
        let start = self.offset
        _ = self.payload()
        return start..<self.offset
    }

    /// Finds an entry among `count` sorted entries that begin here.
    ///
    /// Stops early at a greater name. Returns the ranges of the whole entry and of its value, or
    /// where it would have to be inserted.
    mutating func find(_ name: UnsafeRawBufferPointer, among count: Int) -> EntrySearch {
        for _ in 0..<count {
            let start = self.offset
            let candidate = self.block()
            switch ByteOrder.compare(self.slice(candidate), name) {
            case .less: _ = self.value()
            case .equal:
                let value = self.value()
                return .found(entry: start..<value.upperBound, value: value)
            case .greater: return .absent(insertAt: start)
            }
        }
        return .absent(insertAt: self.offset)
    }
}

/// What ``PackedCursor/find(_:among:)`` found.
enum EntrySearch {
    case found(entry: Range<Int>, value: Range<Int>)
    case absent(insertAt: Int)
}

/// Sizes of varints.
enum Varint {
    static func size(_ value: Int) -> Int {
        var size = 1
        var rest = value
        while rest >= 0x80 {
            size += 1
            rest >>= 7
        }
        return size
    }

    static func append(_ value: Int, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
