import Consensus
import NodeCore
package import Primitives

/// What happened, as one number, and as one line per event when somebody reads them.
///
/// Two runs of one seed have the same hash at every event; the first line that differs tells where
/// they parted.
package struct Trace {
    /// What a line is about.
    package enum Kind: UInt64, Sendable {
        case tick = 1
        case turn, connected, dialled, broken, started, killed, asked, answered, fault, heal
        case message
    }

    private(set) var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    /// Takes lines, when somebody reads them.
    var sink: ((TraceLine) -> Void)?
    private var sequence: UInt64 = 0

    mutating func note(
        _ now: Instant,
        _ node: Int,
        _ kind: Kind,
        _ detail: UInt64,
        text: @autoclosure () -> String = ""
    ) {
        self.fold(now.nanoseconds)
        self.fold(UInt64(node) << 8 | kind.rawValue | detail << 24)
        guard let sink = self.sink else { return }
        self.sequence += 1
        sink(
            TraceLine(
                sequence: self.sequence,
                at: now,
                node: node,
                peer: kind == .dialled || kind == .broken ? Int(detail) : nil,
                kind: kind,
                detail: detail,
                text: text(),
                hash: self.hash
            )
        )
    }

    mutating func note(_ message: NodeCore.Message, _ now: Instant, _ from: Int, _ to: Int) {
        self.fold(message.fingerprint ^ UInt64(from) << 48 ^ UInt64(to) << 32)
        guard let sink = self.sink else { return }
        self.sequence += 1
        sink(
            TraceLine(
                sequence: self.sequence,
                at: now,
                node: from,
                peer: to,
                kind: .message,
                detail: 0,
                text: message.summary,
                hash: self.hash
            )
        )
    }

    mutating func fold(_ word: UInt64) {
        self.hash = (self.hash ^ word) &* 0xBF58_476D_1CE4_E5B9
        self.hash ^= self.hash >> 29
    }
}

/// One event of a trace.
package struct TraceLine: Sendable {
    package var sequence: UInt64
    package var at: Instant
    package var node: Int
    package var peer: Int?
    package var kind: Trace.Kind
    package var detail: UInt64
    package var text: String
    /// The trace's hash up to and with this event.
    package var hash: UInt64

    /// The line in columns: number, virtual seconds, hash, what, who, to whom, more.
    package func rendered(_ names: [String]) -> String {
        let since = self.at.since(World.start)
        let micros = Self.padded(since / 1_000 % 1_000_000, 6, "0")
        let other = self.peer.map { "> " + names[$0] } ?? ""
        let columns = [
            Self.padded(self.sequence, 9, " "),
            Self.padded(since / 1_000_000_000, 5, " ") + "." + micros,
            Self.hex(self.hash),
            Self.left("\(self.kind)", 9),
            Self.left(self.node < names.count ? names[self.node] : "-", 20),
            Self.left(other, 22),
            self.text.isEmpty && self.detail != 0 ? "\(self.detail)" : self.text,
        ]
        var line = columns.joined(separator: " ")
        while line.last == " " { line.removeLast() }
        return line
    }

    /// The columns of ``rendered(_:)``.
    package static let header =
        "        #      seconds hash             what      node"
        + "                 to                     more"

    private static func padded(_ number: UInt64, _ width: Int, _ fill: Character) -> String {
        let digits = String(number)
        return String(repeating: fill, count: max(0, width - digits.count)) + digits
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension NodeCore.Message {
    /// A few words that tell one message from another, cheaply.
    var fingerprint: UInt64 {
        switch self {
        case .greeting(let sentAt, let boot): return 1 &+ sentAt.nanoseconds &* 31 ^ boot
        case .greetingAcknowledged(let sentAt): return 2 &+ sentAt.nanoseconds &* 31
        case .raft(let group, _, _, let raft): return raft.fingerprint &* 31 ^ group.number << 8
        case .join: return 4
        case .welcome(let incarnation, _): return 5 &+ UInt64(incarnation) << 8
        case .snapshotChunk(let chunk):
            return 6 &+ chunk.sequence << 8 &+ UInt64(chunk.records.count) << 20
        case .snapshotReceived(let group, _, let stream, let sequence):
            return 7 &+ group.number << 8 ^ stream << 20 ^ sequence << 40
        case .operation(let call, _): return 8 &+ call << 8
        case .operationAnswer(let call, _): return 9 &+ call << 8
        case .work(let call, let partition, _): return 10 &+ call << 8 ^ partition.number << 40
        case .workDone(let call, _): return 11 &+ call << 8
        case .catalogFence(let call): return 12 &+ call << 8
        case .catalogFenced(let call, let index): return 13 &+ call << 8 ^ (index ?? 0) << 32
        case .partitionReady(_, let partition): return 14 &+ partition.number << 8
        case .backfilled(_, let partition, let region):
            return 15 &+ partition.number << 8 ^ UInt64(region.rank) << 50
        case .replicate(let batch):
            return 16 &+ UInt64(batch.position) << 8 ^ XXHash64.hash(batch.batch)
        case .replicated(let answer): return 17 &+ answer.epoch.number << 8
        case .globalTable: return 18
        case .globalTableAnswer: return 19
        case .probe(let id, _): return 20 &+ id << 8
        case .probeAnswer(let id, _, _): return 21 &+ id << 8
        case .probeLoad(let id, _, _): return 22 &+ id << 8
        }
    }

    /// The message in a few words.
    var summary: String {
        switch self {
        case .greeting(_, let boot): return boot == 0 ? "greeting, unheard" : "greeting"
        case .greetingAcknowledged: return "greeting acknowledged"
        case .raft(let group, let from, let to, let raft):
            return "group \(group.number) \(from.incarnation)>\(to.incarnation) \(raft.summary)"
        case .join: return "join"
        case .welcome(let incarnation, _): return "welcome \(incarnation)"
        case .snapshotChunk(let chunk):
            return "group \(chunk.group.number) snapshot \(chunk.sequence)"
                + (chunk.isLast ? " last" : "") + ", \(chunk.records.count) records"
        case .snapshotReceived(let group, _, _, let sequence):
            return "group \(group.number) snapshot received \(sequence)"
        case .operation(let call, _): return "operation, call \(call & 0xFFFF)"
        case .operationAnswer(let call, _): return "operation answer, call \(call & 0xFFFF)"
        case .work(_, let partition, _): return "work for group \(partition.number)"
        case .workDone: return "work done"
        case .catalogFence: return "catalog fence"
        case .catalogFenced(_, let index): return "catalog fenced at \(index ?? 0)"
        case .partitionReady(_, let partition): return "group \(partition.number) ready"
        case .backfilled(_, let partition, let region):
            return "group \(partition.number) backfilled to region \(region.rank)"
        case .replicate(let batch):
            return "replicate partition \(batch.position), \(batch.batch.count) bytes"
                + (batch.chunk > 0 ? ", chunk \(batch.chunk)" : "")
        case .replicated(let answer):
            return "replicated group \(answer.epoch.number), \(answer.outcome)"
        case .globalTable(.inquiry): return "global table inquiry"
        case .globalTable(.state): return "global table state"
        case .globalTableAnswer: return "global table answer"
        case .probe: return "probe"
        case .probeAnswer: return "probe answer"
        case .probeLoad: return "probe load"
        }
    }
}

extension Consensus.Message {
    var fingerprint: UInt64 {
        switch self {
        case .append(let append):
            return 1 &+ append.term.value << 4 ^ append.previous.index.value << 20
                ^ append.commit.value << 36 ^ UInt64(append.entries.count) << 52
        case .appendResponse(let response): return 2 &+ response.term.value << 4
        case .requestVote(let request):
            return 3 &+ request.term.value << 4 ^ request.last.index.value << 20
        case .voteResponse(let response):
            return (response.isGranted ? 4 : 5) &+ response.term.value << 4
        case .timeoutNow(let term): return 6 &+ term.value << 4
        case .resigned(let term): return 7 &+ term.value << 4
        }
    }

    var summary: String {
        switch self {
        case .append(let append):
            let entries = append.entries
            let span =
                entries.isEmpty
                ? "" : " \(entries[0].index.value)..\(entries[entries.count - 1].index.value)"
            return "append term \(append.term.value) after \(append.previous.index.value)"
                + span + " commit \(append.commit.value)"
        case .appendResponse(let response):
            switch response.outcome {
            case .matched(let index):
                return "matched term \(response.term.value) \(index.value)"
            case .rejected(let previous, _):
                return "rejected term \(response.term.value) after \(previous.value)"
            }
        case .requestVote(let request):
            return (request.isPreVote ? "ask pre-vote" : "ask vote")
                + " term \(request.term.value) last \(request.last.index.value)"
        case .voteResponse(let response):
            return (response.isPreVote ? "pre-vote " : "vote ")
                + (response.isGranted ? "granted" : "refused") + " term \(response.term.value)"
        case .timeoutNow(let term): return "timeout now term \(term.value)"
        case .resigned(let term): return "resigned term \(term.value)"
        }
    }
}
