package import Primitives

// One tag byte, then the fields in the order of their declaration; integers are varints. Entries
// carry no index: the first follows `previous`, and they are contiguous.

extension Message {
    private enum Tag: UInt8 {
        case append = 1
        case matched, rejected, requestVote, voteResponse, timeoutNow, resigned
    }

    /// Terms and indexes beyond this are refused, so that counting on never overflows.
    private static let counterMax: UInt64 = 1 << 62

    package func encode(into writer: inout ByteWriter) {
        switch self {
        case .append(let append):
            writer.u8(Tag.append.rawValue)
            append.encode(into: &writer)
        case .appendResponse(let response):
            switch response.outcome {
            case .matched(let index):
                writer.u8(Tag.matched.rawValue)
                writer.varint(response.term.value)
                writer.varint(index.value)
            case .rejected(let previous, let hint):
                writer.u8(Tag.rejected.rawValue)
                writer.varint(response.term.value)
                writer.varint(previous.value)
                writer.position(hint)
            }
        case .requestVote(let request):
            writer.u8(Tag.requestVote.rawValue)
            writer.varint(request.term.value)
            writer.position(request.last)
            writer.bool(request.isPreVote)
            writer.bool(request.isTransfer)
        case .voteResponse(let response):
            writer.u8(Tag.voteResponse.rawValue)
            writer.varint(response.term.value)
            writer.bool(response.isPreVote)
            writer.bool(response.isGranted)
        case .timeoutNow(let term):
            writer.u8(Tag.timeoutNow.rawValue)
            writer.varint(term.value)
        case .resigned(let term):
            writer.u8(Tag.resigned.rawValue)
            writer.varint(term.value)
        }
    }

    /// Reads one message; refuses what no replica sends, so that none of it needs a check later.
    package init(decoding reader: inout ByteReader) throws(DecodingError) {
        let start = reader.offset
        guard let tag = Tag(rawValue: try reader.u8()) else { throw DecodingError(offset: start) }
        switch tag {
        case .append:
            self = .append(try Append(decoding: &reader))
        case .matched:
            let term = try reader.term()
            self = .appendResponse(
                AppendResponse(term: term, outcome: .matched(try reader.index()))
            )
        case .rejected:
            let term = try reader.term()
            let previous = try reader.index()
            let hint = try reader.position()
            self = .appendResponse(
                AppendResponse(term: term, outcome: .rejected(previous: previous, hint: hint))
            )
        case .requestVote:
            let term = try reader.term()
            let last = try reader.position()
            let isPreVote = try reader.bool()
            self = .requestVote(
                VoteRequest(
                    term: term,
                    last: last,
                    isPreVote: isPreVote,
                    isTransfer: try reader.bool()
                )
            )
        case .voteResponse:
            let term = try reader.term()
            let isPreVote = try reader.bool()
            self = .voteResponse(
                VoteResponse(term: term, isPreVote: isPreVote, isGranted: try reader.bool())
            )
        case .timeoutNow:
            self = .timeoutNow(try reader.term())
        case .resigned:
            self = .resigned(try reader.term())
        }
    }

    fileprivate static func counter(
        _ reader: inout ByteReader
    ) throws(DecodingError) -> UInt64 {
        let value = try reader.varint()
        guard value <= Self.counterMax else { throw DecodingError(offset: reader.offset) }
        return value
    }
}

extension Message.Append {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.varint(self.term.value)
        writer.position(self.previous)
        writer.varint(self.commit.value)
        writer.bool(self.wantsResponse)
        writer.varint(UInt64(self.entries.count))
        for entry in self.entries {
            writer.varint(entry.term.value)
            writer.u8(entry.kind.rawValue)
            writer.block(entry.payload)
        }
    }

    fileprivate init(decoding reader: inout ByteReader) throws(DecodingError) {
        let term = try reader.term()
        let previous = try reader.position()
        let commit = try reader.index()
        let wantsResponse = try reader.bool()
        let count = try reader.count()
        guard count <= ConsensusLimits.appendEntriesMax, previous.term <= term else {
            throw DecodingError(offset: reader.offset)
        }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var last = previous
        for _ in 0..<count {
            let entry = try Entry(decoding: &reader, after: last, atMost: term)
            last = entry.position
            entries.append(entry)
        }
        self.init(
            term: term,
            previous: previous,
            entries: entries,
            commit: commit,
            wantsResponse: wantsResponse
        )
    }
}

extension Entry {
    /// Reads an entry that follows `previous` in a leader's log of term `termMax`.
    fileprivate init(
        decoding reader: inout ByteReader,
        after previous: LogPosition,
        atMost termMax: Term
    ) throws(DecodingError) {
        let start = reader.offset
        let term = try reader.term()
        let kind = Kind(rawValue: try reader.u8())
        let payload = try reader.block()
        guard let kind, term >= previous.term, term <= termMax,
            payload.count <= ConsensusLimits.payloadBytesMax
        else { throw DecodingError(offset: start) }
        switch kind {
        case .command: break
        case .noop: if !payload.isEmpty { throw DecodingError(offset: start) }
        case .configuration: _ = try Configuration(payload: payload)
        }
        self.init(term: term, index: previous.index.next, kind: kind, payload: payload)
    }
}

extension ByteWriter {
    fileprivate mutating func position(_ position: LogPosition) {
        self.varint(position.index.value)
        self.varint(position.term.value)
    }
}

extension ByteReader {
    fileprivate mutating func term() throws(DecodingError) -> Term {
        Term(try Message.counter(&self))
    }

    fileprivate mutating func index() throws(DecodingError) -> LogIndex {
        LogIndex(try Message.counter(&self))
    }

    fileprivate mutating func position() throws(DecodingError) -> LogPosition {
        let index = try self.index()
        return LogPosition(index: index, term: try self.term())
    }
}
