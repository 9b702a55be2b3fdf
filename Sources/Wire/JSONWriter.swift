import DataModel

/// Appends JSON to a buffer.
///
/// Commas are the writer's business: each value or name is preceded by one unless it is the first
/// of its container. The buffer is raw memory, because a response is thousands of small appends and
/// each append to an array costs a check of its uniqueness; only ``append(_:)`` and
/// ``reserve(_:)`` touch its bounds.
struct JSONWriter: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var count = 0
    private var capacity: Int
    private var needsComma = false
    /// The digits of one number.
    private var digits: [UInt8] = []

    init(reserving capacity: Int = 256) {
        self.capacity = max(capacity, 16)
        self.base = .allocate(capacity: self.capacity)
    }

    deinit { self.base.deallocate() }

    /// A copy of what was written.
    var bytes: [UInt8] { Array(UnsafeBufferPointer(start: self.base, count: self.count)) }

    // MARK: Bytes

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if self.capacity - self.count < more { self.grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        self.capacity = max(2 * self.capacity, self.count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: self.capacity)
        larger.update(from: self.base, count: self.count)
        self.base.deallocate()
        self.base = larger
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        self.reserve(1)
        self.base[self.count] = byte
        self.count += 1
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        self.reserve(bytes.count)
        UnsafeMutableRawPointer(self.base + self.count).copyMemory(
            from: start,
            byteCount: bytes.count
        )
        self.count += bytes.count
    }

    /// Text that needs no escapes, without quotes.
    @inline(__always)
    mutating func literal(_ text: StaticString) {
        self.append(
            UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    /// Bytes that need no escapes, without quotes.
    mutating func verbatim(_ bytes: [UInt8]) { bytes.withUnsafeBytes { self.append($0) } }

    /// Base 64, without quotes.
    mutating func base64(_ bytes: UnsafeRawBufferPointer) {
        let size = Base64.encodedSize(bytes.count)
        self.reserve(size)
        Base64.encode(
            bytes,
            into: UnsafeMutableBufferPointer(start: self.base + self.count, count: size)
        )
        self.count += size
    }

    /// A number's decimal text, without quotes.
    mutating func decimal(_ number: DecimalNumber) {
        self.digits.removeAll(keepingCapacity: true)
        number.appendText(to: &self.digits)
        self.digits.withUnsafeBytes { self.append($0) }
    }

    // MARK: Structure

    @inline(__always)
    mutating func separate() {
        if self.needsComma { self.append(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    @inline(__always)
    mutating func beginObject() {
        self.separate()
        self.append(UInt8(ascii: "{"))
        self.needsComma = false
    }

    @inline(__always)
    mutating func endObject() {
        self.append(UInt8(ascii: "}"))
        self.needsComma = true
    }

    @inline(__always)
    mutating func beginArray() {
        self.separate()
        self.append(UInt8(ascii: "["))
        self.needsComma = false
    }

    @inline(__always)
    mutating func endArray() {
        self.append(UInt8(ascii: "]"))
        self.needsComma = true
    }

    /// A name that needs no escapes.
    mutating func name(_ name: StaticString) {
        self.separate()
        self.append(UInt8(ascii: "\""))
        self.literal(name)
        self.append(UInt8(ascii: "\""))
        self.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    mutating func name(_ name: UnsafeRawBufferPointer) {
        self.string(name)
        self.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    mutating func name(_ name: String) {
        self.string(name)
        self.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    mutating func string(_ text: UnsafeRawBufferPointer) {
        self.separate()
        self.append(UInt8(ascii: "\""))
        self.escaped(text)
        self.append(UInt8(ascii: "\""))
    }

    /// A string's content without the quotes around it.
    mutating func escaped(_ text: UnsafeRawBufferPointer) {
        var runStart = 0
        var index = 0
        while true {
            index = Self.endOfPlain(text, from: index)
            self.append(UnsafeRawBufferPointer(rebasing: text[runStart..<index]))
            guard index < text.count else { return }
            self.escape(text[index])
            index += 1
            runStart = index
        }
    }

    /// The first quote, backslash or control from `start` on, or the end; eight bytes a step, as
    /// the reader does.
    @inline(__always)
    private static func endOfPlain(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= text.count {
            let word = WordOfBytes(text, at: index)
            let special =
                word.below(0x20) | word.equal(to: UInt8(ascii: "\""))
                | word.equal(to: UInt8(ascii: "\\"))
            if special != 0 { return index + WordOfBytes.first(special) }
            index += 8
        }
        while index < text.count, text[index] >= 0x20, text[index] != UInt8(ascii: "\""),
            text[index] != UInt8(ascii: "\\")
        {
            index += 1
        }
        return index
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
        self.digits.removeAll(keepingCapacity: true)
        DecimalText.append(value, to: &self.digits)
        self.digits.withUnsafeBytes { self.append($0) }
    }

    mutating func integer(_ value: UInt64) {
        self.separate()
        self.digits.removeAll(keepingCapacity: true)
        DecimalText.append(UInt(value), to: &self.digits)
        self.digits.withUnsafeBytes { self.append($0) }
    }

    /// The text of a number, known to be one.
    mutating func number(_ text: String) {
        self.separate()
        self.verbatim(Array(text.utf8))
    }

    private mutating func escape(_ byte: UInt8) {
        self.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.append(byte)
        case 0x08: self.append(UInt8(ascii: "b"))
        case 0x0C: self.append(UInt8(ascii: "f"))
        case 0x0A: self.append(UInt8(ascii: "n"))
        case 0x0D: self.append(UInt8(ascii: "r"))
        case 0x09: self.append(UInt8(ascii: "t"))
        default:
            let digits: StaticString = "0123456789abcdef"
            self.literal("u00")
            self.append(digits.utf8Start[Int(byte >> 4)])
            self.append(digits.utf8Start[Int(byte & 15)])
        }
    }
}
