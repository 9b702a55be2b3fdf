/// Appends JSON to a buffer.
///
/// Commas are the writer's business: each value or name is preceded by one unless it is the first
/// of its container.
struct JSONWriter {
    var bytes: [UInt8]
    private var needsComma = false

    init(reserving capacity: Int = 0) {
        self.bytes = []
        if capacity > 0 { self.bytes.reserveCapacity(capacity) }
    }

    @inline(__always)
    mutating func separate() {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    @inline(__always)
    mutating func beginObject() {
        self.separate()
        self.bytes.append(UInt8(ascii: "{"))
        self.needsComma = false
    }

    @inline(__always)
    mutating func endObject() {
        self.bytes.append(UInt8(ascii: "}"))
        self.needsComma = true
    }

    @inline(__always)
    mutating func beginArray() {
        self.separate()
        self.bytes.append(UInt8(ascii: "["))
        self.needsComma = false
    }

    @inline(__always)
    mutating func endArray() {
        self.bytes.append(UInt8(ascii: "]"))
        self.needsComma = true
    }

    /// A name that needs no escapes.
    mutating func name(_ name: StaticString) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.literal(name)
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    mutating func name(_ name: UnsafeRawBufferPointer) {
        self.string(name)
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    mutating func name(_ name: String) {
        self.string(name)
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    mutating func string(_ text: UnsafeRawBufferPointer) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.escaped(text)
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// A string's content without the quotes around it.
    mutating func escaped(_ text: UnsafeRawBufferPointer) {
        var runStart = 0
        for index in 0..<text.count {
            let byte = text[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            self.bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart..<index]))
            self.escape(byte)
            runStart = index + 1
        }
        self.bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart...]))
    }

    mutating func string(_ text: [UInt8]) { text.withUnsafeBytes { self.string($0) } }

    mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { self.string(UnsafeRawBufferPointer($0)) }
    }

    mutating func bool(_ value: Bool) {
        self.separate()
        self.literal(value ? "true" : "false")
    }

    mutating func null() {
        self.separate()
        self.literal("null")
    }

    mutating func integer(_ value: Int) {
        self.separate()
        DecimalText.append(value, to: &self.bytes)
    }

    mutating func integer(_ value: UInt64) {
        self.separate()
        DecimalText.append(UInt(value), to: &self.bytes)
    }

    /// The text of a number, known to be one.
    mutating func number(_ text: String) {
        self.separate()
        self.bytes.append(contentsOf: text.utf8)
    }

    /// Text that needs no escapes, without quotes.
    @inline(__always)
    mutating func literal(_ text: StaticString) {
        self.bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    private mutating func escape(_ byte: UInt8) {
        self.bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.bytes.append(byte)
        case 0x08: self.bytes.append(UInt8(ascii: "b"))
        case 0x0C: self.bytes.append(UInt8(ascii: "f"))
        case 0x0A: self.bytes.append(UInt8(ascii: "n"))
        case 0x0D: self.bytes.append(UInt8(ascii: "r"))
        case 0x09: self.bytes.append(UInt8(ascii: "t"))
        default:
            let digits: StaticString = "0123456789abcdef"
            self.literal("u00")
            self.bytes.append(digits.utf8Start[Int(byte >> 4)])
            self.bytes.append(digits.utf8Start[Int(byte & 15)])
        }
    }
}
