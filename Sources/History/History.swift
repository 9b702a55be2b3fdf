/// What clients asked, what they were told, and what replicas did: all that the checkers may see.
///
/// How to write one, from a simulator or a gateway:
///
///     var history = History(header: HistoryHeader(host: .simulation, seed: "17", regions: […]))
///     let key = history.names.key("k1", table: "t")
///     let write = history.names.write("w12")
///     history.append(.invoke(Invocation(id: 1, client: 3, region: 0, operation: .put, key: key,
///         write: write, time: now)))
///     history.append(.ok(Completion(id: 1, write: .write(write), previous: .nothing, time: now)))
///
/// Names of keys, writes, nodes and texts are interned in ``HistoryNames``, so that an event is a
/// small plain value; ``HistoryWriter`` and ``HistoryReader`` turn events into JSON lines and back.
/// Events stand in the order in which one observer saw them; times never decrease.
package struct History: Sendable {
    package var header: HistoryHeader
    package var names: HistoryNames
    package var events: [HistoryEvent] = []

    package init(header: HistoryHeader) {
        self.header = header
        self.names = HistoryNames(regions: header.regions)
    }

    package mutating func append(_ event: HistoryEvent) { self.events.append(event) }

    /// Reads a whole history.
    ///
    /// - Throws: the first line that is wrong, and what was expected there.
    package init(parsing bytes: [UInt8]) throws(HistoryError) {
        var reader = HistoryReader()
        var events: [HistoryEvent] = []
        try reader.feed(bytes) { (event) throws(HistoryError) in events.append(event) }
        try reader.finish { (event) throws(HistoryError) in events.append(event) }
        self.header = reader.header
        self.names = reader.names
        self.events = events
    }

    /// The history as JSON lines.
    package func encoded() -> [UInt8] {
        var writer = HistoryWriter(header: self.header)
        for event in self.events { writer.append(event, self.names) }
        return writer.take()
    }
}

/// Who recorded a history; decides which clock its times are of.
package enum HistoryHost: String, Sendable {
    /// Times are virtual.
    case simulation
    /// Times are of the machine's monotonic clock.
    case gateway
}

/// The first line of a history.
package struct HistoryHeader: Equatable, Sendable {
    /// The only format there is.
    package static let format: UInt64 = 1

    package var host: HistoryHost
    package var seed: String?
    package var topology: String?
    /// Names in the order of their ranks, which stamps refer to.
    package var regions: [String]

    package init(
        host: HistoryHost,
        seed: String? = nil,
        topology: String? = nil,
        regions: [String]
    ) {
        self.host = host
        self.seed = seed
        self.topology = topology
        self.regions = regions
    }
}

/// Why a history cannot be read.
package struct HistoryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Counted from one.
    package var line: Int
    /// What was expected, and what stood there.
    package var message: String

    package init(line: Int, _ message: String) {
        self.line = line
        self.message = message
    }

    package var description: String { "line \(self.line): \(self.message)" }
}
