import Checkers
import Fleet
import Glibc
import History

/// Why a history's files cannot be judged.
struct FilesError: Error, Equatable {
    var message: String
    var hint: String
}

/// Reads the parts of one history, a chunk at a time.
struct HistoryFiles {
    private(set) var evidence = Evidence(host: .simulation)
    private(set) var header = HistoryHeader(host: .simulation, regions: [])
    private(set) var names = HistoryNames(regions: [])
    private(set) var lines = 0
    private(set) var bytes: UInt64 = 0
    private(set) var remarks = 0
    private var former: HistoryReader?

    private static let chunkBytes = 1 << 20

    /// Adds a file to the history; the first one tells its host.
    mutating func read(_ path: String) throws(FilesError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw Self.unreadable(path, String(cString: strerror(errno)))
        }
        defer { close(file) }
        var reader = self.former.map { HistoryReader(continuing: $0) } ?? HistoryReader()
        let isFirst = self.former == nil
        self.former = nil
        var parts = Parts(evidence: self.evidence, isFirst: isFirst)
        self.evidence = Evidence(host: .simulation)
        do throws(HistoryError) {
            while let chunk = try self.chunk(of: file, path) {
                try parts.feed(chunk, to: &reader)
            }
            try parts.finish(&reader)
        } catch {
            guard error.line > 0 else { throw Self.unreadable(path, error.message) }
            throw FilesError(
                message: "\(path):\(error.line): \(error.message)",
                hint: "docs/HISTORIES.md describes the format."
            )
        }
        if isFirst { self.header = reader.header }
        self.evidence = parts.evidence
        self.remarks += parts.remarks
        self.names = reader.names
        self.lines += reader.line
        self.former = reader
    }

    /// Nil at the file's end.
    ///
    /// - Throws: what cannot be read, as line 0.
    private mutating func chunk(of file: Int32, _ path: String) throws(HistoryError) -> [UInt8]? {
        var failure: Int32 = 0
        let chunk = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { buffer, count in
            var got = Glibc.read(file, buffer.baseAddress, Self.chunkBytes)
            while got < 0 && errno == EINTR {
                got = Glibc.read(file, buffer.baseAddress, Self.chunkBytes)
            }
            if got < 0 { failure = errno }
            count = max(0, got)
        }
        guard failure == 0 else {
            throw HistoryError(line: 0, String(cString: strerror(failure)))
        }
        self.bytes += UInt64(chunk.count)
        return chunk.isEmpty ? nil : chunk
    }

    private static func unreadable(_ path: String, _ reason: String) -> FilesError {
        FilesError(
            message: "cannot read \(path): \(reason)",
            hint: "\"atoll up --history FILE\" and \"atoll sim\" write histories."
        )
    }
}

/// The events of one file on their way into the evidence.
private struct Parts {
    var evidence: Evidence
    var remarks = 0
    private var isFirst: Bool
    private var pending: [(HistoryEvent, Int)] = []

    init(evidence: Evidence, isFirst: Bool) {
        self.evidence = evidence
        self.isFirst = isFirst
    }

    mutating func feed(_ chunk: [UInt8], to reader: inout HistoryReader) throws(HistoryError) {
        var failure: HistoryError?
        do throws(HistoryError) {
            try reader.feed(
                chunk,
                numbered: { (event, line) throws(HistoryError) in
                    self.pending.append((event, line))
                }
            )
        } catch {
            failure = error
        }
        // What precedes the wrong line may be wrong itself.
        try self.take(reader)
        if let failure { throw failure }
    }

    mutating func finish(_ reader: inout HistoryReader) throws(HistoryError) {
        try reader.finish(
            numbered: { (event, line) throws(HistoryError) in self.pending.append((event, line)) }
        )
        try self.take(reader)
    }

    private mutating func take(_ reader: HistoryReader) throws(HistoryError) {
        if self.isFirst, !self.pending.isEmpty {
            self.evidence = Evidence(host: reader.header.host)
            self.isFirst = false
        }
        for (event, line) in self.pending {
            switch event {
            case .fault, .heal, .note: self.remarks += 1
            case .invoke, .ok, .fail, .info, .apply, .final: break
            }
            do throws(EvidenceError) {
                try self.evidence.add(event, reader.names)
            } catch {
                throw HistoryError(line: line, error.message)
            }
        }
        self.pending.removeAll(keepingCapacity: true)
    }
}
