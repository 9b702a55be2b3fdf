import DataModel
import History
import NodeCore
import Wire

/// What became of one operation, as far as a response tells it.
struct RecordedOutcome: Equatable {
    enum Verdict: Equatable {
        case done
        /// Certainly without effect, now and later.
        case refused
        /// Perhaps done, perhaps still to be done.
        case unknown
    }

    /// The version of an item that an answer names.
    enum Version: Equatable {
        /// The answer says nothing of it.
        case untold
        /// There is no item.
        case absent
        /// An item with this attribute `w` and stamp.
        case item(write: String?, HistoryStamp?)
    }

    var verdict: Verdict
    /// The error's name; empty for what was done.
    var error = ""
    /// What was read.
    var version = Version.untold
    /// What was replaced, or what a condition saw.
    var previous = Version.untold
    var stamp: HistoryStamp?
    /// An update that set no name, of an item that has one.
    var keepsOldName = false
}

/// Reads nodes' responses.
struct AnswerReader {
    /// What became of a request's operations, in their order.
    func outcomes(
        of operations: [RecordedOperation],
        isBatch: Bool,
        _ response: HTTPResponse,
        _ bytes: [UInt8],
        _ schema: (_ table: String) -> KeySchema?
    ) -> [RecordedOutcome] {
        guard response.status == 200 else {
            let refusal = self.refusal(response, bytes)
            return operations.map { operation in
                var outcome = refusal
                // A read has no effect that could still come.
                if operation.kind == .get { outcome.verdict = .refused }
                return outcome
            }
        }
        guard isBatch else {
            return operations.map { self.outcome(of: $0, response, bytes) }
        }
        guard let body = try? JSONValue(parsing: bytes, in: response.body) else {
            return operations.map { _ in RecordedOutcome(verdict: .unknown, error: "no JSON") }
        }
        let answer = BatchAnswer(body, schema)
        return operations.map { answer.outcome(of: $0) }
    }

    private func outcome(
        of operation: RecordedOperation,
        _ response: HTTPResponse,
        _ bytes: [UInt8]
    ) -> RecordedOutcome {
        let headers = VersionHeaders(bytes, response.headers)
        var outcome = RecordedOutcome(verdict: .done)
        outcome.stamp = Self.stamp(bytes[headers.stamp])
        switch operation.kind {
        case .put, .update:
            outcome.previous = Self.previous(headers, bytes)
            outcome.keepsOldName = operation.write == nil && !headers.write.isEmpty
        case .delete:
            outcome.previous = Self.previous(headers, bytes)
        case .get:
            let write = Self.text(bytes, headers.write)
            // A tombstone has a stamp too, so that only the body tells that nothing is there.
            let body = write == nil ? try? JSONValue(parsing: bytes, in: response.body) : nil
            let isAbsent = body.map { $0["Item"] == nil } ?? false
            outcome.version = isAbsent ? .absent : .item(write: write, outcome.stamp)
        }
        return outcome
    }

    /// What a response other than 200 says.
    private func refusal(_ response: HTTPResponse, _ bytes: [UInt8]) -> RecordedOutcome {
        let body = try? JSONValue(parsing: bytes, in: response.body)
        let type = body?["__type"]?.string ?? "status \(response.status)"
        let name = type.split(separator: "#").last.map(String.init) ?? type
        let isCertain = (400..<500).contains(response.status)
        var outcome = RecordedOutcome(verdict: isCertain ? .refused : .unknown, error: name)
        // Only a condition looks at the item.
        if name == Refusal.conditionFailed {
            outcome.previous = Self.previous(VersionHeaders(bytes, response.headers), bytes)
        }
        return outcome
    }

    // MARK: Versions

    /// What was there before; without a stamp there was nothing.
    private static func previous(
        _ headers: VersionHeaders,
        _ bytes: [UInt8]
    ) -> RecordedOutcome.Version {
        guard !headers.previousStamp.isEmpty else { return .absent }
        return .item(
            write: self.text(bytes, headers.previousWrite),
            self.stamp(bytes[headers.previousStamp])
        )
    }

    /// Batches come without headers: an item must name its write itself.
    static func version(ofItem item: JSONValue) -> RecordedOutcome.Version {
        .item(
            write: item["w"]?["S"]?.string.flatMap { RecordedOperation.name(Array($0.utf8)) },
            nil
        )
    }

    private static func text(_ bytes: [UInt8], _ range: Range<Int>) -> String? {
        range.isEmpty ? nil : String(decoding: bytes[range], as: UTF8.self)
    }

    /// Reads `time.rank`.
    private static func stamp(_ text: ArraySlice<UInt8>) -> HistoryStamp? {
        guard let dot = text.firstIndex(of: UInt8(ascii: ".")),
            let time = UInt64(String(decoding: text[..<dot], as: UTF8.self)),
            let rank = RegionRank(String(decoding: text[(dot + 1)...], as: UTF8.self))
        else { return nil }
        return HistoryStamp(time, rank)
    }
}

/// Where a node's response names versions; empty ranges when it does not.
private struct VersionHeaders {
    var stamp = 0..<0
    var write = 0..<0
    var previousStamp = 0..<0
    var previousWrite = 0..<0

    /// `headers` are whole lines, each with its CR LF.
    init(_ bytes: [UInt8], _ headers: Range<Int>) {
        var start = headers.lowerBound
        while start < headers.upperBound {
            var end = start
            while bytes[end] != 0x0D { end += 1 }
            self.read(bytes, start..<end)
            start = end + 2
        }
    }

    private mutating func read(_ bytes: [UInt8], _ line: Range<Int>) {
        guard bytes[line].starts(with: "x-atoll-".utf8),
            let colon = bytes[line].firstIndex(of: UInt8(ascii: ":"))
        else { return }
        let value = min(colon + 2, line.upperBound)..<line.upperBound
        switch String(decoding: bytes[line.lowerBound..<colon], as: UTF8.self) {
        case "x-atoll-stamp": self.stamp = value
        case "x-atoll-write": self.write = value
        case "x-atoll-previous-stamp": self.previousStamp = value
        case "x-atoll-previous-write": self.previousWrite = value
        default: break
        }
    }
}

/// The answer to a batch: what was read, and what was left undone.
private struct BatchAnswer {
    private struct Place: Hashable {
        var table: String
        var key: String
    }

    private var read: [Place: RecordedOutcome.Version] = [:]
    private var undone: Set<Place> = []

    init(_ body: JSONValue, _ schema: (_ table: String) -> KeySchema?) {
        func place(_ table: String, _ item: JSONValue?) -> Place? {
            guard let item, let schema = schema(table) else { return nil }
            return Self.key(item, schema).map { Place(table: table, key: $0) }
        }
        for table in body["Responses"]?.members ?? [] {
            for item in table.value.array ?? [] {
                guard let place = place(table.name, item) else { continue }
                self.read[place] = AnswerReader.version(ofItem: item)
            }
        }
        for table in body["UnprocessedKeys"]?.members ?? [] {
            for key in table.value["Keys"]?.array ?? [] {
                if let place = place(table.name, key) { self.undone.insert(place) }
            }
        }
        for table in body["UnprocessedItems"]?.members ?? [] {
            for write in table.value.array ?? [] {
                let item = write["PutRequest"]?["Item"] ?? write["DeleteRequest"]?["Key"]
                if let place = place(table.name, item) { self.undone.insert(place) }
            }
        }
    }

    /// The key's text of an item or key in JSON, read as a node would read it.
    private static func key(_ item: JSONValue, _ schema: KeySchema) -> String? {
        let body: JSONValue = ["TableName": "table", "Item": item]
        let bytes = body.serialized()
        guard
            case .putItem(let request)? = try? OperationDecoder.decode(
                .putItem,
                body: 0..<bytes.count,
                in: bytes
            )
        else { return nil }
        return (try? ItemKey(schema, from: request.item))?.text(schema)
    }

    func outcome(of operation: RecordedOperation) -> RecordedOutcome {
        let place = Place(table: operation.table, key: operation.key)
        if self.undone.contains(place) {
            return RecordedOutcome(verdict: .refused, error: "Unprocessed")
        }
        var outcome = RecordedOutcome(verdict: .done)
        if operation.kind == .get { outcome.version = self.read[place] ?? .absent }
        return outcome
    }
}
