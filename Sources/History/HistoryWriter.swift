/// Events as JSON lines, into a buffer that the host empties when it likes.
///
///     var writer = HistoryWriter(header: header)       // its first line is the header
///     writer.append(event, names)
///     file.write(writer.take())
///
/// Names hold any bytes: those that are no UTF-8 are written as `\udc80`…`\udcff`, one per byte
/// (Python's `surrogateescape`, PEP 383), so that the file is JSON and nothing is lost.
package struct HistoryWriter: Sendable {
    private var bytes: [UInt8] = []
    private let clock: StaticString
    private let regions: [[UInt8]]

    package init(header: HistoryHeader) {
        self.regions = header.regions.map { Array($0.utf8) }
        switch header.host {
        case .simulation: self.clock = "virtual"
        case .gateway: self.clock = "monotonic"
        }
        self.raw("{\"type\":\"history\",\"format\":")
        self.decimal(HistoryHeader.format)
        self.field("host", text: Array(header.host.rawValue.utf8)[...])
        if let seed = header.seed { self.field("seed", text: Array(seed.utf8)[...]) }
        if let topology = header.topology {
            self.field("topology", text: Array(topology.utf8)[...])
        }
        self.raw(",\"regions\":[")
        for (rank, region) in header.regions.enumerated() {
            if rank > 0 { self.bytes.append(UInt8(ascii: ",")) }
            self.string(Array(region.utf8)[...])
        }
        self.raw("]}\n")
    }

    package var pendingBytes: Int { self.bytes.count }

    /// What was written since the last call.
    package mutating func take() -> [UInt8] {
        let taken = self.bytes
        self.bytes = []
        return taken
    }

    package mutating func append(_ event: HistoryEvent, _ names: HistoryNames) {
        switch event {
        case .invoke(let invocation): self.append(invocation, names)
        case .ok(let completion): self.append(completion, names)
        case .fail(let refusal):
            self.raw("{\"type\":\"fail\"")
            self.field("id", refusal.id)
            self.field("error", text: names.slice(refusal.error))
            self.field("previous", refusal.previous, names)
            self.field(self.clock, refusal.time)
        case .info(let doubt):
            self.raw("{\"type\":\"info\"")
            self.field("id", doubt.id)
            self.field("error", text: names.slice(doubt.error))
            self.field(self.clock, doubt.time)
        case .apply(let application): self.append(application, names)
        case .final(let state): self.append(state, names)
        case .fault(let remark): self.append("fault", remark, names)
        case .heal(let remark): self.append("heal", remark, names)
        case .note(let remark): self.append("note", remark, names)
        }
        self.raw("}\n")
    }

    private mutating func append(_ invocation: Invocation, _ names: HistoryNames) {
        self.raw("{\"type\":\"invoke\"")
        self.field("id", invocation.id)
        self.field("client", UInt64(invocation.client))
        self.field("region", text: self.region(invocation.region))
        self.raw(",\"operation\":\"")
        self.raw(invocation.operation.text)
        self.raw("\"")
        self.field(key: invocation.key, names)
        if let write = invocation.write { self.field("write", text: names.slice(write)) }
        switch invocation.condition {
        case .none: break
        case .previous(let write):
            self.raw(",\"condition\":{\"previous\":")
            self.string(names.slice(write))
            self.raw("}")
        case .exists(let exists):
            self.raw(",\"condition\":{\"exists\":")
            self.raw(exists ? "true}" : "false}")
        }
        if invocation.isConsistent { self.raw(",\"consistent\":true") }
        self.field(self.clock, invocation.time)
    }

    private mutating func append(_ completion: Completion, _ names: HistoryNames) {
        self.raw("{\"type\":\"ok\"")
        self.field("id", completion.id)
        self.field("write", completion.write, names)
        self.field("previous", completion.previous, names)
        if let stamp = completion.stamp { self.field("stamp", stamp) }
        self.field(self.clock, completion.time)
    }

    private mutating func append(_ application: Application, _ names: HistoryNames) {
        self.raw("{\"type\":\"apply\"")
        self.field("node", text: names.slice(application.node))
        self.field("region", text: self.region(application.region))
        self.field("partition", application.partition)
        self.field("sequence", application.sequence)
        self.field(key: application.key, names)
        self.field("write", application.write, names)
        if application.isDelete { self.raw(",\"delete\":true") }
        self.field("stamp", application.stamp)
        self.raw(",\"decision\":\"")
        self.raw(application.decision.text)
        self.raw("\"")
        if let against = application.against { self.field("against", against) }
        if let time = application.time { self.field(self.clock, time) }
    }

    private mutating func append(_ state: FinalState, _ names: HistoryNames) {
        self.raw("{\"type\":\"final\"")
        self.field("node", text: names.slice(state.node))
        self.field("region", text: self.region(state.region))
        self.field(key: state.key, names)
        self.field("write", state.write, names)
        if let stamp = state.stamp { self.field("stamp", stamp) }
        self.raw(state.isDelete ? ",\"delete\":true" : ",\"delete\":false")
    }

    private mutating func append(
        _ type: StaticString,
        _ remark: Remark,
        _ names: HistoryNames
    ) {
        self.raw("{\"type\":\"")
        self.raw(type)
        self.raw("\"")
        self.field("text", text: names.slice(remark.text))
        if let time = remark.time { self.field(self.clock, time) }
    }

    private func region(_ rank: RegionRank) -> ArraySlice<UInt8> {
        precondition(Int(rank) < self.regions.count, "a region that the header does not name")
        return self.regions[Int(rank)][...]
    }

    // MARK: JSON

    private mutating func raw(_ text: StaticString) {
        self.bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        )
    }

    private mutating func name(_ name: StaticString) {
        self.raw(",\"")
        self.raw(name)
        self.raw("\":")
    }

    private mutating func field(_ name: StaticString, _ number: UInt64) {
        self.name(name)
        self.decimal(number)
    }

    private mutating func field(_ name: StaticString, text: ArraySlice<UInt8>) {
        self.name(name)
        self.string(text)
    }

    private mutating func field(
        _ name: StaticString,
        _ observed: Observed,
        _ names: HistoryNames
    ) {
        switch observed {
        case .unknown: break
        case .nothing:
            self.name(name)
            self.raw("null")
        case .write(let write): self.field(name, text: names.slice(write))
        }
    }

    private mutating func field(_ name: StaticString, _ stamp: HistoryStamp) {
        self.name(name)
        self.raw("[")
        self.decimal(stamp.time)
        self.raw(",")
        self.decimal(UInt64(stamp.region))
        self.raw("]")
    }

    private mutating func field(key: KeyName, _ names: HistoryNames) {
        self.field("table", text: names.tableSlice(key))
        self.field("key", text: names.slice(key))
    }

    private mutating func decimal(_ number: UInt64) {
        let start = self.bytes.count
        var rest = number
        repeat {
            self.bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self.bytes[start...].reverse()
    }

    private mutating func string(_ text: ArraySlice<UInt8>) {
        self.bytes.append(UInt8(ascii: "\""))
        text.withUnsafeBytes { text in
            var index = 0
            while index < text.count, Self.isPlain(text[index]) { index += 1 }
            self.bytes.append(contentsOf: text[..<index])
            while index < text.count {
                let byte = text[index]
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    self.bytes.append(UInt8(ascii: "\\"))
                    self.bytes.append(byte)
                    index += 1
                case 0x20..<0x80:
                    self.bytes.append(byte)
                    index += 1
                case ..<0x20:
                    self.escape(0, byte)
                    index += 1
                default:
                    let length = UTF8Sequence.length(in: text, at: index)
                    if length > 0 {
                        self.bytes.append(contentsOf: text[index..<index + length])
                        index += length
                    } else {
                        self.escape(0xDC, byte)
                        index += 1
                    }
                }
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func escape(_ high: UInt8, _ low: UInt8) {
        self.raw("\\u")
        for nibble in [high >> 4, high & 15, low >> 4, low & 15] {
            self.bytes.append(
                nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            )
        }
    }
}

/// Well-formed UTF-8 (Unicode 15, table 3-7).
enum UTF8Sequence {
    /// The length of the sequence of two to four bytes that starts here; zero if it is none.
    static func length(in bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let first = bytes[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if first == 0xE0 { second = 0xA0...0xBF }
            if first == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if first == 0xF0 { second = 0x90...0xBF }
            if first == 0xF4 { second = 0x80...0x8F }
        default: return 0
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
        for offset in 2..<max(2, length) where bytes[index + offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
