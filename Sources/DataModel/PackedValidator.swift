import Primitives

/// Checks packed bytes from a peer or a disk once, so that views of them need not.
///
/// Accepts exactly what ``ValueWriter`` writes: canonical order, minimal varints, normalised
/// numbers, UTF-8 strings, no empty set, bounded nesting.
struct PackedValidator {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var invalid: DecodingError { DecodingError(offset: self.offset) }

    /// Throws unless all bytes were used.
    func finish() throws(DecodingError) {
        guard self.offset == self.bytes.count else { throw self.invalid }
        guard self.bytes.count <= Int(Int32.max) else { throw self.invalid }
    }

    mutating func value(depth: Int) throws(DecodingError) {
        let tag = try self.byte()
        guard tag <= PackedTag.last else { throw self.invalid }
        switch PackedTag.type(tag) {
        case .null, .bool: return
        case .number: try self.number(self.skip(Int(self.byte())))
        case .string: try self.text(self.block())
        case .binary: _ = try self.block()
        case .list, .map, .stringSet, .numberSet, .binarySet:
            let length = try self.varint()
            guard length <= self.bytes.count - self.offset else { throw self.invalid }
            let end = self.offset + length
            try self.content(PackedTag.type(tag), depth: depth + 1)
            guard self.offset == end else { throw self.invalid }
        }
    }

    /// A count and that many entries in ascending order of their names.
    mutating func entries(depth: Int) throws(DecodingError) {
        let count = try self.varint()
        var last: Range<Int>?
        for _ in 0..<count {
            let name = try self.block()
            guard name.count <= ItemLimits.attributeNameBytesMax else { throw self.invalid }
            try self.text(name)
            try self.ascends(from: last, to: name)
            last = name
            try self.value(depth: depth)
        }
    }

    private mutating func content(_ type: AttributeType, depth: Int) throws(DecodingError) {
        switch type {
        case .list:
            guard depth <= ItemLimits.nestingMax else { throw self.invalid }
            let count = try self.varint()
            for _ in 0..<count { try self.value(depth: depth) }
        case .map:
            guard depth <= ItemLimits.nestingMax else { throw self.invalid }
            try self.entries(depth: depth)
        case .stringSet, .numberSet, .binarySet: try self.members(type)
        case .null, .bool, .number, .string, .binary:
            preconditionFailure("a scalar has no content")
        }
    }

    private mutating func members(_ type: AttributeType) throws(DecodingError) {
        let count = try self.varint()
        guard count > 0 else { throw self.invalid }
        var last: Range<Int>?
        for _ in 0..<count {
            let member = try self.block()
            if type == .stringSet { try self.text(member) }
            if type == .numberSet { try self.number(member) }
            try self.ascends(from: last, to: member)
            last = member
        }
    }

    private func ascends(from last: Range<Int>?, to next: Range<Int>) throws(DecodingError) {
        guard let last else { return }
        let order = self.bytes.withUnsafeBytes { buffer in
            ByteOrder.compare(
                UnsafeRawBufferPointer(rebasing: buffer[last]),
                UnsafeRawBufferPointer(rebasing: buffer[next])
            )
        }
        guard order == .less else { throw self.invalid }
    }

    private func number(_ range: Range<Int>) throws(DecodingError) {
        let isValid = self.bytes.withUnsafeBytes { buffer in
            (try? DecimalNumber(packed: UnsafeRawBufferPointer(rebasing: buffer[range]))) != nil
        }
        guard isValid else { throw self.invalid }
    }

    private func text(_ range: Range<Int>) throws(DecodingError) {
        do {
            _ = try UTF8Span(validating: self.bytes.span.extracting(range))
        } catch {
            throw self.invalid
        }
    }

    private mutating func byte() throws(DecodingError) -> UInt8 {
        guard self.offset < self.bytes.count else { throw self.invalid }
        defer { self.offset += 1 }
        return self.bytes[self.offset]
    }

    /// A minimal varint below 2^31.
    private mutating func varint() throws(DecodingError) -> Int {
        var value = 0
        var shift = 0
        while true {
            let byte = try self.byte()
            value |= Int(byte & 0x7F) << shift
            guard value <= Int(Int32.max) else { throw self.invalid }
            if byte < 0x80 {
                guard byte != 0 || shift == 0 else { throw self.invalid }
                return value
            }
            shift += 7
            guard shift < 35 else { throw self.invalid }
        }
    }

    private mutating func skip(_ count: Int) throws(DecodingError) -> Range<Int> {
        guard count <= self.bytes.count - self.offset else { throw self.invalid }
        defer { self.offset += count }
        return self.offset..<self.offset + count
    }

    private mutating func block() throws(DecodingError) -> Range<Int> {
        try self.skip(try self.varint())
    }
}
