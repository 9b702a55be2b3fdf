import DataModel

/// Writes packed items as DynamoDB's JSON.
extension JSONWriter {
    /// `{"name": {"S": "text"}, …}`.
    mutating func item(_ item: Item) {
        self.separate()
        item.bytes.withUnsafeBytes { bytes in
            var walker = PackedWalker(bytes)
            self.entries(&walker)
        }
    }

    /// Appends the entries of a map or item in braces.
    ///
    /// Punctuation is appended in runs, which is most of the speed of a response.
    private mutating func entries(_ walker: inout PackedWalker) {
        let count = walker.varint()
        self.literal("{")
        for index in 0..<count {
            self.literal(index == 0 ? "\"" : ",\"")
            self.escaped(walker.block())
            self.literal("\":")
            self.attribute(&walker)
        }
        self.literal("}")
    }

    private mutating func attribute(_ walker: inout PackedWalker) {
        switch walker.tag() {
        case .null: self.literal("{\"NULL\":true}")
        case .isFalse: self.literal("{\"BOOL\":false}")
        case .isTrue: self.literal("{\"BOOL\":true}")
        case .number:
            self.literal("{\"N\":\"")
            self.decimal(walker.number())
            self.literal("\"}")
        case .string:
            self.literal("{\"S\":\"")
            self.escaped(walker.block())
            self.literal("\"}")
        case .binary:
            self.literal("{\"B\":\"")
            self.base64(walker.block())
            self.literal("\"}")
        case .list:
            self.literal("{\"L\":[")
            walker.skipLength()
            for index in 0..<walker.varint() {
                if index > 0 { self.literal(",") }
                self.attribute(&walker)
            }
            self.literal("]}")
        case .map:
            self.literal("{\"M\":")
            walker.skipLength()
            self.entries(&walker)
            self.literal("}")
        case .stringSet:
            self.literal("{\"SS\":[")
            self.members(&walker) { writer, member in writer.escaped(member) }
        case .numberSet:
            self.literal("{\"NS\":[")
            self.members(&walker) { writer, member in writer.decimal(member) }
        case .binarySet:
            self.literal("{\"BS\":[")
            self.members(&walker) { writer, member in writer.base64(member) }
        }
    }

    private mutating func members(
        _ walker: inout PackedWalker,
        _ write: (inout JSONWriter, UnsafeRawBufferPointer) -> Void
    ) {
        walker.skipLength()
        for index in 0..<walker.varint() {
            self.literal(index == 0 ? "\"" : ",\"")
            write(&self, walker.block())
            self.literal("\"")
        }
        self.literal("]}")
    }

    /// A packed number's decimal text.
    private mutating func decimal(_ packed: UnsafeRawBufferPointer) {
        do throws(NumberError) {
            self.decimal(try DecimalNumber(packed: packed))
        } catch {
            preconditionFailure("a stored number is no number: \(error)")
        }
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
