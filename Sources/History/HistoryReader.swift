/// Reads a history as a stream: give it bytes as they come, it hands on events as lines end.
///
/// Strict: the first line is the header, every other line is an event of a known type with all that
/// it needs, in regions that the header names. Memory is bounded by one line and the names.
package struct HistoryReader: Sendable {
    /// The longest line, in bytes.
    package static let lineBytesMax = 1 << 20
    private static let newline = UInt8(ascii: "\n")

    /// Meaningful once the first line is read.
    package private(set) var header = HistoryHeader(host: .simulation, regions: [])
    package private(set) var names = HistoryNames(regions: [])
    /// The number of the line read last, from one.
    package private(set) var line = 0
    private var hasHeader = false
    /// The regions of the former parts.
    private var expected: [String]?
    /// By rank.
    private var regions: [[UInt8]] = []
    private var parser = LineParser()
    /// The beginning of a line whose end has not come.
    private var partial: [UInt8] = []

    package init() {}

    /// Reads another part of a history, such as a node's apply log, whose names go on.
    ///
    /// The parts must name the same regions.
    package init(continuing former: HistoryReader) {
        self.names = former.names
        self.expected = former.header.regions
    }

    /// Reads lines that end within these bytes and keeps the rest.
    ///
    /// - Throws: the first line that is wrong; the reader cannot go on after it.
    package mutating func feed(
        _ bytes: [UInt8],
        _ visit: (HistoryEvent) throws(HistoryError) -> Void
    ) throws(HistoryError) {
        try self.feed(bytes, numbered: { (event, _) throws(HistoryError) in try visit(event) })
    }

    /// As above; the visitor hears the number of the event's line, too.
    package mutating func feed(
        _ bytes: [UInt8],
        numbered visit: (HistoryEvent, Int) throws(HistoryError) -> Void
    ) throws(HistoryError) {
        var start = 0
        while let end = Self.newline(in: bytes, from: start) {
            if self.partial.isEmpty {
                try self.read(bytes, start..<end, visit)
            } else {
                self.partial.append(contentsOf: bytes[start..<end])
                try self.readPartial(visit)
            }
            start = end + 1
        }
        self.partial.append(contentsOf: bytes[start...])
        guard self.partial.count <= Self.lineBytesMax else {
            throw HistoryError(line: self.line + 1, "longer than \(Self.lineBytesMax) bytes")
        }
    }

    /// Reads a last line without an end, and asks for what a history cannot lack.
    package mutating func finish(
        _ visit: (HistoryEvent) throws(HistoryError) -> Void
    ) throws(HistoryError) {
        try self.finish(numbered: { (event, _) throws(HistoryError) in try visit(event) })
    }

    /// As above; the visitor hears the number of the event's line, too.
    package mutating func finish(
        numbered visit: (HistoryEvent, Int) throws(HistoryError) -> Void
    ) throws(HistoryError) {
        if !self.partial.isEmpty { try self.readPartial(visit) }
        guard self.hasHeader else {
            throw HistoryError(line: 1, "expected the header of a history, found no line")
        }
    }

    private mutating func readPartial(
        _ visit: (HistoryEvent, Int) throws(HistoryError) -> Void
    ) throws(HistoryError) {
        let line = self.partial
        self.partial.removeAll(keepingCapacity: true)
        try self.read(line, 0..<line.count, visit)
    }

    private static func newline(in bytes: [UInt8], from start: Int) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            var index = start
            while index < bytes.count {
                if bytes[index] == Self.newline { return index }
                index += 1
            }
            return nil
        }
    }

    private mutating func read(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ visit: (HistoryEvent, Int) throws(HistoryError) -> Void
    ) throws(HistoryError) {
        self.line += 1
        guard range.count <= Self.lineBytesMax else {
            throw HistoryError(line: self.line, "longer than \(Self.lineBytesMax) bytes")
        }
        let event: HistoryEvent?
        do throws(LineError) {
            event = try self.event(bytes, range)
        } catch {
            throw HistoryError(line: self.line, error.message)
        }
        if let event { try visit(event, self.line) }
    }

    /// Nil for the header and for an empty line.
    private mutating func event(
        _ bytes: [UInt8],
        _ range: Range<Int>
    ) throws(LineError) -> HistoryEvent? {
        let result = bytes.withUnsafeBytes { bytes -> Result<Bool, LineError> in
            let line = UnsafeRawBufferPointer(rebasing: bytes[range])
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
                return .success(false)
            }
            do throws(LineError) {
                try self.parser.parse(line)
                return .success(true)
            } catch {
                return .failure(error)
            }
        }
        guard try result.get() else { return nil }
        let type = self.parser.text[try self.range(.type)]
        guard self.hasHeader else {
            try self.readHeader(type)
            return nil
        }
        return try self.event(type: type)
    }

    // MARK: Lines

    private mutating func readHeader(_ type: ArraySlice<UInt8>) throws(LineError) {
        guard type.elementsEqual("history".utf8) else {
            throw LineError("expected the header of a history, {\"type\":\"history\",…}")
        }
        let format = try self.number(.format)
        guard format == HistoryHeader.format else {
            throw LineError("format \(format) is unknown; this program reads 1")
        }
        let host = String(decoding: try self.text(.host), as: UTF8.self)
        guard let host = HistoryHost(rawValue: host) else {
            throw LineError("\"host\" must be \"simulation\" or \"gateway\", not \"\(host)\"")
        }
        guard self.parser[.regions] == .names else {
            throw LineError("\"regions\" is missing: the names in the order of their ranks")
        }
        let ranges = self.parser.list
        guard ranges.count <= 256 else { throw LineError("more than 256 regions") }
        var regions: [String] = []
        for range in ranges {
            let name = Array(self.parser.text[range])
            guard !self.regions.contains(name) else {
                throw LineError("a region stands twice in \"regions\"")
            }
            self.regions.append(name)
            regions.append(String(decoding: name, as: UTF8.self))
        }
        self.header = HistoryHeader(
            host: host,
            seed: self.optionalText(.seed),
            topology: self.optionalText(.topology),
            regions: regions
        )
        if let expected {
            guard expected == regions else {
                throw LineError("\"regions\" differ from those of the first file")
            }
        } else {
            self.names = HistoryNames(regions: regions)
        }
        self.hasHeader = true
    }

    private enum LineType: String, CaseIterable {
        case invoke, ok, fail, info, apply, final, fault, heal, note
    }

    private mutating func event(type text: ArraySlice<UInt8>) throws(LineError) -> HistoryEvent {
        guard let type = Self.types.first(where: { $0.text.elementsEqual(text) })?.value else {
            let word = String(decoding: text, as: UTF8.self)
            if word == "history" { throw LineError("a second header") }
            let known = LineType.allCases.map(\.rawValue).joined(separator: ", ")
            throw LineError("unknown type \"\(word)\"; known are \(known)")
        }
        switch type {
        case .invoke: return .invoke(try self.invocation())
        case .ok: return .ok(try self.completion())
        case .fail:
            return .fail(
                Refusal(
                    id: try self.number(.id),
                    error: self.textName(.error),
                    previous: self.observed(.previous),
                    time: try self.requiredTime()
                )
            )
        case .info:
            return .info(
                Doubt(
                    id: try self.number(.id),
                    error: self.textName(.error),
                    time: try self.requiredTime()
                )
            )
        case .apply: return .apply(try self.application())
        case .final: return .final(try self.finalState())
        case .fault: return .fault(Remark(self.textName(.text), time: self.time))
        case .heal: return .heal(Remark(self.textName(.text), time: self.time))
        case .note: return .note(Remark(self.textName(.text), time: self.time))
        }
    }

    private mutating func completion() throws(LineError) -> Completion {
        Completion(
            id: try self.number(.id),
            write: self.observed(.write),
            previous: self.observed(.previous),
            stamp: try self.stamp(.stamp),
            time: try self.requiredTime()
        )
    }

    /// Words as bytes: comparing those makes no strings.
    private static let types = LineType.allCases.map { (text: Array($0.rawValue.utf8), value: $0) }
    private static let operations = OperationKind.allCases.map { (text: $0.bytes, value: $0) }
    private static let decisions = ApplyDecision.allCases.map { (text: $0.bytes, value: $0) }

    private mutating func invocation() throws(LineError) -> Invocation {
        let text = self.parser.text[try self.range(.operation)]
        let known = Self.operations.first { $0.text.elementsEqual(text) }
        guard let operation = known?.value else {
            let word = String(decoding: text, as: UTF8.self)
            throw LineError("\"operation\" must be put, update, delete or get, not \"\(word)\"")
        }
        var write: WriteName?
        if operation.isWrite {
            guard case .write(let name) = self.observed(.write) else {
                throw LineError("\"write\" is missing: a write needs a unique name")
            }
            write = name
        }
        let number = try self.number(.client)
        guard let client = UInt32(exactly: number) else {
            throw LineError("\"client\" must be below 2^32, not \(number)")
        }
        return Invocation(
            id: try self.number(.id),
            client: client,
            region: try self.region(),
            operation: operation,
            key: try self.key(),
            write: write,
            condition: self.condition(),
            isConsistent: self.flag(.consistent),
            time: try self.requiredTime()
        )
    }

    private mutating func application() throws(LineError) -> Application {
        let text = self.parser.text[try self.range(.decision)]
        let known = Self.decisions.first { $0.text.elementsEqual(text) }
        guard let decision = known?.value else {
            let word = String(decoding: text, as: UTF8.self)
            throw LineError("\"decision\" must be applied, older or same, not \"\(word)\"")
        }
        guard let stamp = try self.stamp(.stamp) else { throw self.missing(.stamp) }
        return Application(
            node: try self.node(),
            region: try self.region(),
            partition: try self.number(.partition),
            sequence: try self.number(.sequence),
            key: try self.key(),
            write: self.observed(.write),
            isDelete: self.flag(.delete),
            stamp: stamp,
            decision: decision,
            against: try self.stamp(.against),
            time: self.time
        )
    }

    private mutating func finalState() throws(LineError) -> FinalState {
        FinalState(
            node: try self.node(),
            region: try self.region(),
            key: try self.key(),
            write: self.observed(.write),
            stamp: try self.stamp(.stamp),
            isDelete: self.flag(.delete)
        )
    }

    // MARK: Fields

    private func missing(_ field: HistoryField) -> LineError {
        LineError("\(field.label) is missing")
    }

    private func range(_ field: HistoryField) throws(LineError) -> Range<Int> {
        guard case .name(let range) = self.parser[field] else { throw self.missing(field) }
        return range
    }

    private func text(_ field: HistoryField) throws(LineError) -> [UInt8] {
        Array(self.parser.text[try self.range(field)])
    }

    private func optionalText(_ field: HistoryField) -> String? {
        guard case .name(let range) = self.parser[field] else { return nil }
        return String(decoding: self.parser.text[range], as: UTF8.self)
    }

    private func number(_ field: HistoryField) throws(LineError) -> UInt64 {
        guard case .number(let number) = self.parser[field] else { throw self.missing(field) }
        return number
    }

    private func flag(_ field: HistoryField) -> Bool { self.parser[field] == .flag(true) }

    private func stamp(_ field: HistoryField) throws(LineError) -> HistoryStamp? {
        guard case .stamp(let stamp) = self.parser[field] else { return nil }
        guard Int(stamp.region) < self.header.regions.count else {
            throw LineError("\(field.label) is of region \(stamp.region), which has no name")
        }
        return stamp
    }

    private var time: HistoryTime? {
        if case .number(let time) = self.parser[.virtual] { return time }
        if case .number(let time) = self.parser[.monotonic] { return time }
        return nil
    }

    private func requiredTime() throws(LineError) -> HistoryTime {
        guard let time = self.time else {
            throw LineError("\"virtual\" or \"monotonic\" is missing")
        }
        return time
    }

    private func region() throws(LineError) -> RegionRank {
        let name = self.parser.text[try self.range(.region)]
        guard let rank = self.regions.firstIndex(where: { $0.elementsEqual(name) }) else {
            throw LineError(
                "the header has no region \"\(String(decoding: name, as: UTF8.self))\""
            )
        }
        return RegionRank(rank)
    }

    private mutating func key() throws(LineError) -> KeyName {
        let table = try self.range(.table)
        let key = try self.range(.key)
        return self.parser.text.withUnsafeBytes { text in
            self.names.key(
                UnsafeRawBufferPointer(rebasing: text[key]),
                table: UnsafeRawBufferPointer(rebasing: text[table])
            )
        }
    }

    private mutating func node() throws(LineError) -> NodeName {
        let range = try self.range(.node)
        return self.parser.text.withUnsafeBytes { text in
            self.names.node(UnsafeRawBufferPointer(rebasing: text[range]))
        }
    }

    private mutating func observed(_ field: HistoryField) -> Observed {
        switch self.parser[field] {
        case .null: .nothing
        case .name(let range): .write(self.writeName(range))
        case .absent, .number, .flag, .names, .stamp, .previous, .exists: .unknown
        }
    }

    private mutating func writeName(_ range: Range<Int>) -> WriteName {
        self.parser.text.withUnsafeBytes { text in
            self.names.write(UnsafeRawBufferPointer(rebasing: text[range]))
        }
    }

    private mutating func condition() -> WriteCondition {
        switch self.parser[.condition] {
        case .previous(let range): .previous(self.writeName(range))
        case .exists(let exists): .exists(exists)
        case .absent, .null, .number, .flag, .name, .names, .stamp: .none
        }
    }

    /// Empty when the line has none.
    private mutating func textName(_ field: HistoryField) -> TextName {
        guard case .name(let range) = self.parser[field] else { return self.names.text("") }
        return self.parser.text.withUnsafeBytes { text in
            self.names.text(UnsafeRawBufferPointer(rebasing: text[range]))
        }
    }
}
