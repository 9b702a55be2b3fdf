import Consensus
import NodeCore
import Primitives

/// What must hold between the replicas of each Raft group, looked at after every turn.
///
/// The safety properties of Raft (Figure 3 of the paper) in the form in which they can be seen from
/// outside: one leader per term, log matching, leader completeness, state machine safety; and that
/// no two nodes answer strong reads of one group alone at the same time.
struct CrossChecks {
    private struct GroupKey: Hashable {
        var region: RegionID
        var group: PartitionID
    }

    /// What is known of one group from all its replicas together.
    private struct Record {
        /// Who led a term; terms are few.
        var leaders: [(term: Term, replica: ReplicaID)] = []
        /// Hashes of entries by position, with the term before them.
        var entries: [Position: UInt64] = [:]
        /// What was committed at an index, once and for all.
        var committed: [UInt64: Position] = [:]
        /// By rising terms: the highest index known to be committed in it or before.
        var commits: [(term: Term, index: LogIndex)] = []
        /// Machines whose replica leads now, in some term.
        var leading: [Int] = []
    }

    private struct Position: Hashable {
        var index: UInt64
        var term: UInt64
    }

    /// What a replica looked like after its machine's last turn.
    private struct Seen {
        var id: PartitionID
        var replica: ReplicaID
        var term: Term
        var isLeader: Bool
        var commit: LogIndex
        var applied: LogIndex
        var last: LogPosition
        /// Everything in its log up to here was compared.
        var compared: LogIndex
        var installs: UInt32
    }

    private var records: [GroupKey: Record] = [:]
    /// By machine and slot.
    private var seen: [[Seen?]]
    private(set) var broken: [String] = []

    init(machines: Int) { self.seen = [[Seen?]](repeating: [], count: machines) }

    mutating func forget(_ machine: Machine) {
        for old in self.seen[machine.index] {
            guard let old, old.isLeader else { continue }
            let key = GroupKey(region: machine.region, group: old.id)
            self.records[key]?.leading.removeAll { $0 == machine.index }
        }
        self.seen[machine.index] = []
    }

    private mutating func complain(_ text: String) {
        if self.broken.count < 10 { self.broken.append(text) }
    }

    mutating func turned(_ machine: Machine, _ world: World) {
        guard let process = machine.process else { return }
        let slots = process.loop.node.slotCount
        while self.seen[machine.index].count < slots { self.seen[machine.index].append(nil) }
        for slot in 0..<slots {
            guard let view = process.loop.node.groupView(at: slot) else {
                self.seen[machine.index][slot] = nil
                continue
            }
            self.look(at: view, machine, process, world)
        }
    }

    private mutating func look(
        at view: GroupView,
        _ machine: Machine,
        _ process: Machine.Process,
        _ world: World
    ) {
        var old = self.seen[machine.index][view.slot]
        if let known = old, known.id != view.id || known.replica != view.replica { old = nil }
        let key = GroupKey(region: machine.region, group: view.id)
        let place = { "\(world.name(machine.index)), group \(view.id.number)" }
        if view.applied > view.commit || view.commit > view.last.index {
            self.complain(
                "\(place()): applied \(view.applied.value) <= commit "
                    + "\(view.commit.value) <= last \(view.last.index.value) does not hold"
            )
        }
        if let old {
            if view.term < old.term {
                self.complain("\(place()): term \(old.term.value) becomes \(view.term.value)")
            }
            if view.applied < old.applied, !view.isInstalling, view.installs == old.installs {
                self.complain(
                    "\(place()): applied \(old.applied.value) becomes "
                        + "\(view.applied.value)"
                )
            }
        }
        var compared = old?.compared ?? view.base.index
        if view.last.index < compared { compared = view.commit }
        if old?.last != view.last || old?.term != view.term {
            // What was truncated and written anew is compared from the committed part on.
            compared = min(compared, max(view.commit, view.base.index))
            compared = self.compare(view, from: compared, key, process, place)
        }
        if old?.isLeader != view.isLeader || (view.isLeader && old?.term != view.term) {
            self.leadershipChanged(view, key, machine, process, place)
        }
        if view.commit > (old?.commit ?? view.base.index) {
            self.committed(view, from: old?.commit ?? view.base.index, key, process, place)
        }
        if view.isLeader, self.records[key]!.leading.count > 1 {
            self.checkLeases(view, key, world)
        }
        self.seen[machine.index][view.slot] = Seen(
            id: view.id,
            replica: view.replica,
            term: view.term,
            isLeader: view.isLeader,
            commit: view.commit,
            applied: view.applied,
            last: view.last,
            compared: compared,
            installs: view.installs
        )
    }

    /// Log matching: entries of one index and term are the same, and so is what is before them.
    private mutating func compare(
        _ view: GroupView,
        from: LogIndex,
        _ key: GroupKey,
        _ process: Machine.Process,
        _ place: () -> String
    ) -> LogIndex {
        guard view.last.index > from else { return from }
        let first = LogIndex(from.value + 1)
        guard
            let entries = process.loop.node.entries(
                from: first,
                through: view.last.index,
                slot: view.slot
            ), var previous = process.loop.node.term(at: from, slot: view.slot)
        else { return from }
        var reached = from
        for entry in entries {
            let position = Position(index: entry.index.value, term: entry.term.value)
            let hash = XXHash64.hash(
                entry.payload,
                seed: previous.value << 8 | UInt64(entry.kind.rawValue)
            )
            if let known = self.records[key, default: Record()].entries[position], known != hash {
                self.complain(
                    "\(place()): entry \(entry.index.value) of term "
                        + "\(entry.term.value) is not what another replica has (log matching)"
                )
            }
            self.records[key, default: Record()].entries[position] = hash
            previous = entry.term
            reached = entry.index
        }
        return reached
    }

    private mutating func leadershipChanged(
        _ view: GroupView,
        _ key: GroupKey,
        _ machine: Machine,
        _ process: Machine.Process,
        _ place: () -> String
    ) {
        self.records[key, default: Record()].leading.removeAll { $0 == machine.index }
        guard view.isLeader else { return }
        self.records[key]!.leading.append(machine.index)
        if let known = self.records[key]!.leaders.first(where: { $0.term == view.term }) {
            if known.replica != view.replica {
                self.complain(
                    "\(place()): leads term \(view.term.value), which node "
                        + "\(known.replica.node.index) led (one leader per term)"
                )
            }
        } else {
            self.records[key]!.leaders.append((view.term, view.replica))
        }
        // Leader completeness (§5.4): what earlier terms committed is in the log.
        guard let commit = self.records[key]!.commits.last(where: { $0.term < view.term }),
            let position = self.records[key]!.committed[commit.index.value],
            commit.index > view.base.index
        else { return }
        let term = process.loop.node.term(at: commit.index, slot: view.slot)
        if view.last.index < commit.index || (term != nil && term != Term(position.term)) {
            self.complain(
                "\(place()): leads term \(view.term.value) without entry "
                    + "\(commit.index.value) of term \(position.term), committed in term "
                    + "\(commit.term.value) (leader completeness)"
            )
        }
    }

    /// State machine safety: at one index all replicas commit the same.
    private mutating func committed(
        _ view: GroupView,
        from: LogIndex,
        _ key: GroupKey,
        _ process: Machine.Process,
        _ place: () -> String
    ) {
        var index = max(from, view.base.index)
        while index < view.commit {
            index = LogIndex(index.value + 1)
            guard let term = process.loop.node.term(at: index, slot: view.slot) else { continue }
            let position = Position(index: index.value, term: term.value)
            let known = self.records[key, default: Record()].committed[index.value]
            if let known, known != position {
                self.complain(
                    "\(place()): commits entry \(index.value) of term \(term.value); "
                        + "of term \(known.term) elsewhere (state machine safety)"
                )
            }
            self.records[key]!.committed[index.value] = position
        }
        let last = self.records[key, default: Record()].commits.last
        if last == nil || last!.index < view.commit {
            if let last, last.term == view.term {
                self.records[key]!.commits[self.records[key]!.commits.count - 1].index = view.commit
            } else if last == nil || last!.term < view.term {
                self.records[key]!.commits.append((view.term, view.commit))
            }
        }
    }

    private mutating func checkLeases(_ view: GroupView, _ key: GroupKey, _ world: World) {
        let holders = self.records[key]!.leading.filter { index in
            world.machines[index].process?.loop.node.answersAlone(for: view.id, now: world.now)
                ?? false
        }
        if holders.count > 1 {
            let names = holders.map { world.name($0) }.joined(separator: " and ")
            self.complain("\(names) both hold the lease of group \(view.id.number)")
        }
    }
}
