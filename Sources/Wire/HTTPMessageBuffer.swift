/// How the end of a message's body is told (RFC 9112 §6.3).
enum BodyFraming: Equatable, Sendable {
    case length(Int)
    case chunked
    /// A response that ends when the connection does.
    case untilClose
}

/// The bytes that arrived on one connection, cut into lines and bodies; shared by the parsers of
/// both directions.
///
/// One array is reused for the life of a connection. A message starts at `start`; bytes before it
/// belong to messages that were already taken. A chunked body is moved together inside the array,
/// so that every body is one range of it. All work is proportional to the bytes that arrived,
/// however they are split.
struct HTTPMessageBuffer: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Where the message that is being read starts.
    private(set) var start = 0
    /// The first byte that no finished line or body part covers.
    private(set) var cursor = 0
    /// The first byte that the search for a line's end has not seen.
    private var scanned = 0
    private var chunkState = ChunkState.size
    private(set) var body = 0..<0
    private var trailerBytes = 0
    private var trailers = 0
    let limits: HTTPLimits

    /// Capacity that a connection keeps between large messages.
    private static let keptCapacity = 256 * 1024
    /// Bytes of taken messages or chunk framing that may lie in the array before it is compacted.
    private static let slackMax = 64 * 1024

    private enum ChunkState: Equatable, Sendable {
        case size
        case data(left: Int)
        case dataEnd
        case trailers
    }

    init(limits: HTTPLimits) { self.limits = limits }

    /// Bytes that no message has taken yet.
    var pending: Int { self.bytes.count - self.start }

    mutating func append(_ new: UnsafeRawBufferPointer) {
        self.reclaim()
        self.bytes.append(contentsOf: new)
    }

    mutating func append(_ new: [UInt8]) {
        self.reclaim()
        self.bytes.append(contentsOf: new)
    }

    /// Makes the byte at `cursor` the first of the next message.
    mutating func beginMessage() {
        self.start = self.cursor
        self.scanned = self.cursor
        self.chunkState = .size
        self.body = self.cursor..<self.cursor
        self.trailerBytes = 0
        self.trailers = 0
    }

    /// Drops taken messages, which only happens between messages so that ranges stay valid.
    private mutating func reclaim() {
        guard self.start > 0, self.start == self.cursor else { return }
        if self.start == self.bytes.count {
            let keepsCapacity = self.bytes.capacity <= Self.keptCapacity
            self.bytes.removeAll(keepingCapacity: keepsCapacity)
        } else if self.start > Self.slackMax {
            self.bytes.removeSubrange(0..<self.start)
        } else {
            return
        }
        self.cursor = 0
        self.beginMessage()
    }

    /// The next line without its CR LF, or nil until it is complete.
    ///
    /// `budget` bounds the bytes from `cursor` to the line's end.
    mutating func line(
        budget: Int,
        or excess: HTTPError
    ) throws(HTTPError) -> Range<Int>? {
        let index = self.bytes.withUnsafeBytes {
            Self.endOfLine($0, from: max(self.scanned, self.cursor))
        }
        guard index - self.cursor < budget else { throw excess }
        guard index < self.bytes.count else {
            self.scanned = index
            return nil
        }
        guard index > self.cursor, self.bytes[index - 1] == 0x0D else { throw .badLineEnding }
        defer {
            self.cursor = index + 1
            self.scanned = index + 1
        }
        return self.cursor..<index - 1
    }

    /// The first line feed from `start` on, or the end; eight bytes a step.
    private static func endOfLine(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            let found = WordOfBytes(bytes, at: index).equal(to: 0x0A)
            if found != 0 { return index + WordOfBytes.first(found) }
            index += 8
        }
        while index < bytes.count, bytes[index] != 0x0A { index += 1 }
        return index
    }

    /// Whether the body is complete; call again when more bytes arrived.
    mutating func readBody(_ framing: BodyFraming) throws(HTTPError) -> Bool {
        switch framing {
        case .length(let length):
            guard self.bytes.count - self.cursor >= length else { return false }
            self.body = self.cursor..<self.cursor + length
            self.cursor += length
            return true
        case .untilClose:
            guard self.bytes.count - self.cursor <= self.limits.bodyBytesMax else {
                throw .bodyTooLarge
            }
            return false
        case .chunked:
            if self.body.isEmpty, self.chunkState == .size {
                self.body = self.cursor..<self.cursor
            }
            return try self.readChunks()
        }
    }

    /// Takes all that is left as the body of a message that ends with the connection.
    mutating func closeBody() {
        self.body = self.cursor..<self.bytes.count
        self.cursor = self.bytes.count
    }

    // MARK: Chunks

    private mutating func readChunks() throws(HTTPError) -> Bool {
        while true {
            switch self.chunkState {
            case .size:
                guard
                    let line = try self.line(
                        budget: self.limits.chunkLineBytesMax,
                        or: .badChunk
                    )
                else { return false }
                let size = try self.chunkSize(line)
                self.chunkState = size == 0 ? .trailers : .data(left: size)
            case .data(let left):
                guard self.cursor < self.bytes.count else { return false }
                let count = min(left, self.bytes.count - self.cursor)
                self.takeChunkData(count)
                guard count == left else {
                    self.chunkState = .data(left: left - count)
                    return false
                }
                self.chunkState = .dataEnd
            case .dataEnd:
                guard let line = try self.line(budget: 3, or: .badChunk) else { return false }
                guard line.isEmpty else { throw .badChunk }
                self.chunkState = .size
            case .trailers:
                guard try self.readTrailers() else { return false }
                return true
            }
        }
    }

    private func chunkSize(_ line: Range<Int>) throws(HTTPError) -> Int {
        var size = 0
        var index = line.lowerBound
        while index < line.upperBound, let digit = HTTPSyntax.hexDigit(self.bytes[index]) {
            guard index - line.lowerBound < 16, size <= self.limits.bodyBytesMax else {
                throw .bodyTooLarge
            }
            size = size * 16 + digit
            index += 1
        }
        guard index > line.lowerBound else { throw .badChunk }
        if index < line.upperBound {
            guard self.bytes[index] == UInt8(ascii: ";") else { throw .badChunk }
            for index in index..<line.upperBound
            where !HTTPSyntax.isFieldContent(self.bytes[index]) { throw .badChunk }
        }
        guard size <= self.limits.bodyBytesMax - self.body.count else { throw .bodyTooLarge }
        return size
    }

    /// Moves `count` bytes at the cursor to the end of the body that was taken so far.
    private mutating func takeChunkData(_ count: Int) {
        let target = self.body.upperBound
        let source = self.cursor
        if target != source {
            self.bytes.withUnsafeMutableBytes { bytes in
                let from = UnsafeRawBufferPointer(rebasing: bytes[source..<source + count])
                UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + count])
                    .copyMemory(from: from)
            }
        }
        self.body = self.body.lowerBound..<target + count
        self.cursor += count
        // Chunk framing must not pile up in the buffer.
        if self.cursor - self.body.upperBound > Self.slackMax {
            self.bytes.removeSubrange(self.body.upperBound..<self.cursor)
            self.cursor = self.body.upperBound
            self.scanned = self.cursor
        }
    }

    /// Checks and drops the header lines after a chunked body.
    private mutating func readTrailers() throws(HTTPError) -> Bool {
        while true {
            let before = self.cursor
            let budget = self.limits.headBytesMax - self.trailerBytes
            guard let line = try self.line(budget: budget, or: .headTooLarge) else { return false }
            if line.isEmpty { return true }
            self.trailerBytes += self.cursor - before
            self.trailers += 1
            guard self.trailers <= self.limits.headersMax else { throw .headTooLarge }
            _ = try HTTPSyntax.header(self.bytes, line)
        }
    }
}
