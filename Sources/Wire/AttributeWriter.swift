import DataModel

/// Writes packed items and values as DynamoDB's JSON.
extension JSONWriter {
    /// `{"name": {"S": "text"}, …}`.
    mutating func item(_ item: Item) {
        item.bytes.withUnsafeBytes { bytes in
            var walker = PackedWalker(bytes)
            self.entries(&walker)
        }
    }

    mutating func attribute(_ value: PackedValue) {
        value.bytes.withUnsafeBytes { bytes in
            var walker = PackedWalker(bytes, at: value.range.lowerBound)
            self.attribute(&walker)
        }
    }

    private mutating func entries(_ walker: inout PackedWalker) {
        self.beginObject()
        for _ in 0..<walker.varint() {
            self.name(walker.block())
            self.attribute(&walker)
        }
        self.endObject()
    }

    private mutating func attribute(_ walker: inout PackedWalker) {
        self.beginObject()
        switch walker.tag() {
        case .null:
            self.name("NULL")
            self.bool(true)
        case .isFalse:
            self.name("BOOL")
            self.bool(false)
        case .isTrue:
            self.name("BOOL")
            self.bool(true)
        case .number:
            self.name("N")
            self.decimal(walker.number())
        case .string:
            self.name("S")
            self.string(walker.block())
        case .binary:
            self.name("B")
            self.blob(walker.block())
        case .list:
            self.name("L")
            self.beginArray()
            walker.skipLength()
            for _ in 0..<walker.varint() { self.attribute(&walker) }
            self.endArray()
        case .map:
            self.name("M")
            walker.skipLength()
            self.entries(&walker)
        case .stringSet:
            self.name("SS")
            self.members(&walker) { writer, member in writer.string(member) }
        case .numberSet:
            self.name("NS")
            self.members(&walker) { writer, member in writer.decimal(member) }
        case .binarySet:
            self.name("BS")
            self.members(&walker) { writer, member in writer.blob(member) }
        }
        self.endObject()
    }

    private mutating func members(
        _ walker: inout PackedWalker,
        _ write: (inout JSONWriter, UnsafeRawBufferPointer) -> Void
    ) {
        self.beginArray()
        walker.skipLength()
        for _ in 0..<walker.varint() { write(&self, walker.block()) }
        self.endArray()
    }

    /// A packed number as a string of its decimal text.
    private mutating func decimal(_ packed: UnsafeRawBufferPointer) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        do throws(NumberError) {
            try DecimalNumber(packed: packed).appendText(to: &self.bytes)
        } catch {
            preconditionFailure("a stored number is no number: \(error)")
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private mutating func blob(_ bytes: UnsafeRawBufferPointer) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        Base64.append(bytes, to: &self.bytes)
        self.bytes.append(UInt8(ascii: "\""))
    }
}

/// Walks over packed bytes (see `PackedValue` for their form) that are known to be good, front to
/// back; a length that leads out of the buffer traps.
private struct PackedWalker {
    /// The tags of the packed form.
    enum Tag: UInt8 {
        case null, isFalse, isTrue, number, string, binary, list, map, stringSet, numberSet
        case binarySet
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset: Int

    init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    mutating func tag() -> Tag {
        guard let tag = Tag(rawValue: self.byte()) else { preconditionFailure("no packed value") }
        return tag
    }

    @inline(__always)
    private mutating func byte() -> UInt8 {
        precondition(self.offset < self.bytes.count)
        defer { self.offset += 1 }
        return self.bytes[self.offset]
    }

    @inline(__always)
    mutating func varint() -> Int {
        var value = 0
        var shift = 0
        while true {
            let byte = self.byte()
            precondition(shift < 56)
            value |= Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
    }

    /// Passes over the byte length of a container.
    mutating func skipLength() { _ = self.varint() }

    mutating func block() -> UnsafeRawBufferPointer { self.take(self.varint()) }

    mutating func number() -> UnsafeRawBufferPointer { self.take(Int(self.byte())) }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
        precondition(count <= self.bytes.count - self.offset)
        defer { self.offset += count }
        return UnsafeRawBufferPointer(rebasing: self.bytes[self.offset..<self.offset + count])
    }
}
