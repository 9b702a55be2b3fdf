import CYAML

/// Reads one YAML document into a tree, through libyaml's event interface.
///
/// A deliberate part of YAML 1.1: mappings with plain keys, lists and text. Anchors, aliases, tags
/// and further documents are refused, so that a few bytes cannot stand for much; depth and count
/// are bounded. Duplicate keys are kept for the reader to report.
package struct YAMLParser: ~Copyable {
    /// libyaml keeps pointers into its own parser, which therefore must not move.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let bytes: UnsafeBufferPointer<UInt8>
    private var depth = 0
    private var nodes = 0

    /// The document in `bytes`, or nil when they hold none (only blanks and comments).
    package static func document(in bytes: [UInt8]) throws(YAMLError) -> YAMLNode? {
        guard bytes.count <= TopologyLimits.fileBytesMax else {
            let allowed = TopologyLimits.fileBytesMax
            throw YAMLError(
                message: "the file is larger than \(allowed / 1024) KiB; no topology needs that"
            )
        }
        guard !bytes.isEmpty else { return nil }
        let result: Result<YAMLNode?, YAMLError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(YAMLError) {
                var parser = try YAMLParser(buffer)
                return .success(try parser.stream())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
        self.bytes = bytes
        self.parser = .allocate(capacity: 1)
        guard yaml_parser_initialize(self.parser) == 1 else {
            self.parser.deallocate()
            throw YAMLError(message: "out of memory")
        }
        yaml_parser_set_input_string(self.parser, bytes.baseAddress, bytes.count)
    }

    deinit {
        yaml_parser_delete(self.parser)
        self.parser.deallocate()
    }

    // MARK: Structure

    private mutating func stream() throws(YAMLError) -> YAMLNode? {
        _ = try self.next()  // The start of the stream.
        guard case .documentStart = try self.next().kind else { return nil }
        let root = try self.node(try self.next())
        _ = try self.next()  // The end of the document.
        let after = try self.next()
        guard case .streamEnd = after.kind else {
            throw YAMLError(
                line: after.line,
                column: after.column,
                message: "a second YAML document begins; a topology is one document"
            )
        }
        return root
    }

    private mutating func node(_ event: Event) throws(YAMLError) -> YAMLNode {
        self.nodes += 1
        guard self.nodes <= TopologyLimits.yamlNodesMax else {
            let allowed = TopologyLimits.yamlNodesMax
            throw event.error("more than \(allowed) values; no topology needs that")
        }
        switch event.kind {
        case .scalar(let text):
            return YAMLNode(line: event.line, content: .scalar(text))
        case .sequenceStart:
            return YAMLNode(line: event.line, content: .sequence(try self.sequence(event)))
        case .mappingStart:
            return YAMLNode(line: event.line, content: .mapping(try self.mapping(event)))
        case .documentStart, .documentEnd, .streamStart, .streamEnd, .sequenceEnd, .mappingEnd:
            throw event.error("a value is missing")
        }
    }

    private mutating func sequence(_ start: Event) throws(YAMLError) -> [YAMLNode] {
        try self.descend(start)
        var items: [YAMLNode] = []
        while true {
            let event = try self.next()
            if case .sequenceEnd = event.kind { break }
            items.append(try self.node(event))
        }
        self.depth -= 1
        return items
    }

    private mutating func mapping(_ start: Event) throws(YAMLError) -> [YAMLEntry] {
        try self.descend(start)
        var entries: [YAMLEntry] = []
        while true {
            let event = try self.next()
            if case .mappingEnd = event.kind { break }
            guard case .scalar(let key) = event.kind else {
                throw event.error("a key that is a list or mapping; keys are words")
            }
            var value = try self.node(try self.next())
            // libyaml puts a block collection where its first child is; people look at its key.
            if case .scalar = value.content {} else { value.line = event.line }
            entries.append(YAMLEntry(key: key, line: event.line, value: value))
        }
        self.depth -= 1
        return entries
    }

    private mutating func descend(_ event: Event) throws(YAMLError) {
        self.depth += 1
        guard self.depth <= TopologyLimits.depthMax else {
            let allowed = TopologyLimits.depthMax
            throw event.error("values nest deeper than \(allowed) levels; no topology needs that")
        }
    }

    // MARK: Events

    /// What of a libyaml event matters here, copied out so that the event can be freed at once.
    private struct Event {
        enum Kind {
            case streamStart, streamEnd, documentStart, documentEnd
            case scalar(String)
            case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        }

        var kind: Kind
        var line: Int
        var column: Int

        func error(_ message: String) -> YAMLError {
            YAMLError(line: self.line, column: self.column, message: message)
        }
    }

    private mutating func next() throws(YAMLError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(self.parser, &raw) == 1 else { throw self.syntaxError() }
        defer { yaml_event_delete(&raw) }
        let kind = Self.kind(of: raw)
        let line = Int(raw.start_mark.line) + 1
        let column = Int(raw.start_mark.column) + 1
        guard case .success(let known) = kind else {
            if case .failure(var error) = kind {
                error.line = line
                error.column = column
                throw error
            }
            preconditionFailure("a result is one or the other")
        }
        return Event(kind: known, line: line, column: column)
    }

    private static func kind(of raw: yaml_event_t) -> Result<Event.Kind, YAMLError> {
        switch raw.type {
        case YAML_STREAM_START_EVENT: return .success(.streamStart)
        case YAML_STREAM_END_EVENT: return .success(.streamEnd)
        case YAML_DOCUMENT_START_EVENT: return .success(.documentStart)
        case YAML_DOCUMENT_END_EVENT: return .success(.documentEnd)
        case YAML_SEQUENCE_END_EVENT: return .success(.sequenceEnd)
        case YAML_MAPPING_END_EVENT: return .success(.mappingEnd)
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            if let fault = self.fault(anchor: scalar.anchor, tag: scalar.tag) {
                return .failure(fault)
            }
            let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            return .success(.scalar(String(decoding: text, as: UTF8.self)))
        case YAML_SEQUENCE_START_EVENT:
            let start = raw.data.sequence_start
            if let fault = self.fault(anchor: start.anchor, tag: start.tag) {
                return .failure(fault)
            }
            return .success(.sequenceStart)
        case YAML_MAPPING_START_EVENT:
            let start = raw.data.mapping_start
            if let fault = self.fault(anchor: start.anchor, tag: start.tag) {
                return .failure(fault)
            }
            return .success(.mappingStart)
        case YAML_ALIAS_EVENT:
            let message = "an alias (*name); anchors and aliases are not read, write the value out"
            return .failure(YAMLError(message: message))
        default:
            // libyaml has no other events; a newer one might.
            return .failure(YAMLError(message: "a YAML construct that is not read"))
        }
    }

    private static func fault(
        anchor: UnsafeMutablePointer<UInt8>?,
        tag: UnsafeMutablePointer<UInt8>?
    ) -> YAMLError? {
        if anchor != nil {
            let message = "an anchor (&name); anchors and aliases are not read, write the value out"
            return YAMLError(message: message)
        }
        if tag != nil {
            return YAMLError(message: "a tag (!name); tags are not read, write the plain value")
        }
        return nil
    }

    /// What stopped libyaml, in its own words.
    private func syntaxError() -> YAMLError {
        let problem = self.parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        if self.parser.pointee.error == YAML_READER_ERROR {
            // The reader knows an offset only: bytes that are no text have no line of their own.
            let offset = min(Int(self.parser.pointee.problem_offset), self.bytes.count)
            let before = self.bytes[..<offset]
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            return YAMLError(
                line: line,
                column: offset - start + 1,
                message: "not text that YAML allows: \(problem)"
            )
        }
        let mark = self.parser.pointee.problem_mark
        return YAMLError(
            line: Int(mark.line) + 1,
            column: Int(mark.column) + 1,
            message: "not YAML: \(problem)"
        )
    }
}
