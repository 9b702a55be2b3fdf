import Consensus
import Primitives

/// An outside observer of a world that knows everything that ever happened in it, and notes what
/// must not: Raft Figure 3's properties, and leases that lie.
struct Ledger {
    private(set) var violations: [String] = []
    private var leaderOfTerm: [Term: Int] = [:]
    /// Every entry that any log ever held durably, and the term of the one before it.
    private var written: [LogPosition: (entry: Entry, previous: Term)] = [:]
    /// What was applied anywhere, by index from 1.
    private(set) var committed: [Entry] = []
    private var appliedBy: [Int: LogIndex] = [:]
    private(set) var elections = 0
    private(set) var truncations = 0
    private(set) var snapshots = 0

    mutating func record(_ effects: [Effect], of number: Int, in nodes: [World.Node]) {
        for effect in effects {
            switch effect {
            case .becameLeader(let term): self.elected(term, nodes[number].host)
            case .append(let entries): self.appended(entries, nodes[number].host.disk)
            case .apply(let entries): self.applied(entries, by: number)
            case .truncate(let index):
                self.truncations += 1
                if index <= self.appliedBy[number] ?? .zero {
                    self.violations.append("node \(number) truncates what it applied at \(index)")
                }
            case .setVote, .send, .becameFollower, .configurationChanged: break
            case .snapshotNeeded: self.snapshots += 1
            }
        }
    }

    /// Election Safety and Leader Completeness.
    private mutating func elected(_ term: Term, _ host: Host) {
        let number = Int(host.id.node.index)
        self.elections += 1
        if let other = self.leaderOfTerm[term], other != number {
            self.violations.append("nodes \(other) and \(number) both lead term \(term.value)")
        }
        self.leaderOfTerm[term] = number
        guard let last = self.committed.last else { return }
        let base = host.replica.base
        // By Log Matching the last committed entry stands for all before it.
        let held = last.index <= base.index ? last.term : host.disk.term(at: last.index)
        if held != last.term {
            self.violations.append("leader \(number) of term \(term.value) lacks \(last.index)")
        }
    }

    /// Log Matching, by induction: equal positions hold equal entries after equal positions.
    private mutating func appended(_ entries: [Entry], _ disk: Disk) {
        for entry in entries {
            let before = entry.index.previous
            let base = disk.restored.base
            guard let previous = before == base.index ? base.term : disk.term(at: before) else {
                continue  // Replaced again, or compacted, within the turn.
            }
            if let known = self.written[entry.position] {
                if known.entry != entry || known.previous != previous {
                    self.violations.append("two entries at \(entry.position)")
                }
            } else {
                self.written[entry.position] = (entry, previous)
            }
        }
    }

    /// State Machine Safety.
    private mutating func applied(_ entries: [Entry], by number: Int) {
        for entry in entries {
            self.appliedBy[number] = entry.index
            let offset = Int(entry.index.value) - 1
            if offset == self.committed.count {
                self.committed.append(entry)
            } else if offset > self.committed.count {
                self.violations.append("node \(number) skips to \(entry.index.value)")
            } else if self.committed[offset] != entry {
                self.violations.append("node \(number) applies another entry \(entry.index.value)")
            }
        }
    }

    /// Whoever believes to hold a lease has applied everything that anyone acknowledged, which is
    /// checked where the transport keeps what leases rely on.
    mutating func check(leaseHolders: [Int], _ nodes: [World.Node]) {
        if leaseHolders.count > 1 {
            self.violations.append("nodes \(leaseHolders) all hold the lease")
        }
        for holder in leaseHolders {
            let applied = nodes[holder].host.replica.appliedIndex
            if applied.value < UInt64(self.committed.count) {
                self.violations.append("node \(holder) would read what is stale under its lease")
            }
        }
    }
}
