import Primitives

// The receiving side of AppendEntries: Raft Figure 2 and §5.3.

extension Replica {
    mutating func appendReceived(
        _ append: Message.Append,
        from leader: ReplicaID,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        guard append.term >= self.term else {
            // The answer's term is all that the former leader needs to see.
            self.reject(append.previous.index, hint: self.log.last, to: leader, into: &effects)
            return
        }
        precondition(append.term > self.term || !self.isLeader, "two leaders in one term")
        if append.term > self.term || self.leader != leader {
            precondition(append.term > self.term || self.leader == nil, "two leaders in one term")
            self.becomeFollower(append.term, leader: leader, into: &effects)
        }
        guard append.previous.index >= self.commitIndex else {
            self.appendAfterCommit(append, storage, into: &effects)
            return
        }
        guard self.agrees(at: append.previous, storage) else {
            // Not of a later term, so that whole terms of conflicts are skipped in one exchange.
            let hint = self.log.lastPosition(
                notAfter: append.previous,
                floor: self.commitIndex,
                storage
            )
            self.reject(append.previous.index, hint: hint, to: leader, into: &effects)
            return
        }
        self.adoptEntries(append, append.entries[...], storage, into: &effects)
    }

    /// Committed entries are in every leader's log (Leader Completeness), so what an append says of
    /// them needs no comparison, which could fail where the log is compacted.
    private mutating func appendAfterCommit(
        _ append: Message.Append,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        let known = self.commitIndex.distance(from: append.previous.index)
        self.adoptEntries(append, append.entries.dropFirst(known), storage, into: &effects)
    }

    /// Figure 2, AppendEntries 3 to 5: `entries` are the append's from the commit index on.
    private mutating func adoptEntries(
        _ append: Message.Append,
        _ entries: ArraySlice<Entry>,
        _ storage: some LogStorage,
        into effects: inout [Effect]
    ) {
        var previous = LogPosition(
            index: max(append.previous.index, self.commitIndex),
            term: append.previous.term
        )
        var isConfigurationChanged = false
        for entry in entries {
            if entry.index <= self.log.last.index {
                guard let term = self.log.term(at: entry.index, storage) else { return }
                if term == entry.term {
                    previous = entry.position
                    continue
                }
                guard let kept = self.log.position(at: previous.index, storage) else { return }
                precondition(entry.index > self.commitIndex, "a leader replaces what is committed")
                self.log.truncate(from: entry.index, previous: kept)
                if self.forgetConfigurations(from: entry.index) { isConfigurationChanged = true }
            }
            self.log.append(entry)
            previous = entry.position
            if entry.kind == .configuration {
                self.adoptConfiguration(of: entry)
                isConfigurationChanged = true
            }
        }
        if self.bug == .logCutPastMatch { self.cut(behind: previous.index, storage) }
        if isConfigurationChanged { self.configurationAdopted(into: &effects) }
        let matched = previous.index
        let commit = min(append.commit, matched)
        if commit > self.commitIndex { self.advanceCommit(to: commit) }
        if append.wantsResponse {
            self.unreportedMatch = max(self.unreportedMatch ?? .zero, matched)
        }
    }

    /// ``Bug/logCutPastMatch``: what is behind an append may be newer than it.
    private mutating func cut(behind index: LogIndex, _ storage: some LogStorage) {
        guard index < self.log.last.index,
            let kept = self.log.position(at: index, storage)
        else { return }
        self.log.truncate(from: index.next, previous: kept)
        _ = self.forgetConfigurations(from: index.next)
    }

    private func agrees(at previous: LogPosition, _ storage: some LogStorage) -> Bool {
        previous.index == self.commitIndex
            || self.log.term(at: previous.index, storage) == previous.term
    }

    private func reject(
        _ previous: LogIndex,
        hint: LogPosition,
        to leader: ReplicaID,
        into effects: inout [Effect]
    ) {
        let outcome = Message.AppendResponse.Outcome.rejected(previous: previous, hint: hint)
        let response = Message.AppendResponse(term: self.term, outcome: outcome)
        effects.append(.send(leader, .appendResponse(response)))
    }

    /// Makes the leader say whether it still is one: committed entries match any leader's, and who
    /// does not lead answers that it resigned.
    func greetLeader(into effects: inout [Effect]) {
        guard let leader = self.leader, leader != self.id else { return }
        let response = Message.AppendResponse(
            term: self.term,
            outcome: .matched(self.commitIndex)
        )
        effects.append(.send(leader, .appendResponse(response)))
    }

    /// Acknowledges all appends of a turn at once.
    mutating func reportMatch(into effects: inout [Effect]) {
        guard let matched = self.unreportedMatch else { return }
        self.unreportedMatch = nil
        guard let leader = self.leader else { return }
        let response = Message.AppendResponse(term: self.term, outcome: .matched(matched))
        effects.append(.send(leader, .appendResponse(response)))
    }
}

extension Log {
    /// The last position with an index and a term no higher than those of `limit`, or a guess at it
    /// after ``ConsensusLimits/hintScanMax`` steps; not searched below `floor`.
    func lastPosition(
        notAfter limit: LogPosition,
        floor: LogIndex,
        _ storage: some LogStorage
    ) -> LogPosition {
        var index = min(limit.index, self.last.index)
        for _ in 0..<ConsensusLimits.hintScanMax {
            guard index > floor, let term = self.term(at: index, storage) else { break }
            if term <= limit.term { return LogPosition(index: index, term: term) }
            index = index.previous
        }
        let term = self.term(at: index, storage) ?? limit.term
        return LogPosition(index: index, term: term)
    }
}
