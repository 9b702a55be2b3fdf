import Consensus
import Primitives

/// A host's disk in memory: what is durable, and the batch of the turn that is not yet.
///
/// Reads see only what is durable, as the real store's do, so a replica that relies on more fails.
struct Disk: LogStorage, Sendable {
    enum Change: Sendable {
        case vote(Term, ReplicaID?)
        case truncate(LogIndex)
        case append([Entry])
        case applied(LogIndex)
        case configuration(Configuration, LogIndex)
        case compact(LogPosition)
        case reset(LogPosition)
    }

    private(set) var durable: Restored
    private(set) var log: [Entry] = []
    private(set) var batch: [Change] = []

    init(_ configuration: Configuration) { self.durable = .fresh(configuration) }

    /// A disk on which former terms left these entries; none of them is known to be committed.
    init(_ configuration: Configuration, term: Term, log: [Entry]) {
        self.init(configuration)
        self.durable.term = term
        self.log = log
    }

    var restored: Restored {
        var restored = self.durable
        restored.last = self.log.last?.position ?? restored.base
        restored.commit = restored.applied
        return restored
    }

    mutating func write(_ change: Change) { self.batch.append(change) }

    /// A crash before the batch was committed.
    mutating func loseBatch() { self.batch = [] }

    mutating func commit() {
        for change in self.batch { self.perform(change) }
        self.batch = []
    }

    private mutating func perform(_ change: Change) {
        switch change {
        case .vote(let term, let votedFor):
            precondition(term >= self.durable.term)
            self.durable.term = term
            self.durable.votedFor = votedFor
        case .truncate(let index):
            self.log.removeLast(self.log.count - self.offset(of: index))
        case .append(let entries):
            let last = self.log.last?.index ?? self.durable.base.index
            precondition(entries[0].index == last.next)
            self.log += entries
        case .applied(let index):
            self.durable.applied = index
        case .configuration(let configuration, let index):
            self.durable.configuration = configuration
            self.durable.configurationIndex = index
        case .compact(let position):
            self.log.removeFirst(self.offset(of: position.index.next))
            self.durable.base = position
        case .reset(let position):
            self.log = []
            self.durable.base = position
            self.durable.applied = position.index
        }
    }

    private func offset(of index: LogIndex) -> Int {
        Int(index.value) - Int(self.durable.base.index.value) - 1
    }

    // MARK: LogStorage

    func entries(_ from: LogIndex, through: LogIndex, bytesMax: Int) -> [Entry]? {
        let start = self.offset(of: from)
        guard self.log.indices.contains(start) else { return nil }
        var bytes = 0
        var found: [Entry] = []
        for entry in self.log[start...] where entry.index <= through {
            guard bytes < bytesMax else { break }
            found.append(entry)
            bytes += entry.payload.count
        }
        return found
    }

    func term(at index: LogIndex) -> Term? {
        let offset = self.offset(of: index)
        return self.log.indices.contains(offset) ? self.log[offset].term : nil
    }
}
