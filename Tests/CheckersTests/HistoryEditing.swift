import History

/// How mutations find a place and change it: the first event that a closure accepts.
extension History {
    /// The first event that `change` accepts; completions come with their invocations.
    mutating func edit(
        _ change: (inout HistoryNames, inout HistoryEvent, Invocation?) -> Bool
    ) -> Bool {
        var open: [UInt64: Invocation] = [:]
        for index in self.events.indices {
            var event = self.events[index]
            var invocation: Invocation?
            switch event {
            case .invoke(let begun): open[begun.id] = begun
            case .ok(let completion): invocation = open[completion.id]
            case .fail(let refusal): invocation = open[refusal.id]
            case .info, .apply, .final, .fault, .heal, .note: break
            }
            guard change(&self.names, &event, invocation) else { continue }
            self.events[index] = event
            return true
        }
        return false
    }

    mutating func editCompletion(_ change: (Invocation, inout Completion) -> Bool) -> Bool {
        self.edit { _, event, invocation in
            guard case .ok(var completion) = event, let invocation,
                change(invocation, &completion)
            else { return false }
            event = .ok(completion)
            return true
        }
    }

    /// The first strongly consistent read that `change` accepts.
    mutating func editRead(_ change: (Invocation, inout Completion) -> Bool) -> Bool {
        self.editCompletion { invocation, completion in
            invocation.operation == .get && invocation.isConsistent
                && change(invocation, &completion)
        }
    }

    mutating func editRead(_ change: (Invocation, inout Completion) -> Void) -> Bool {
        self.editRead { (invocation, completion) -> Bool in
            change(invocation, &completion)
            return true
        }
    }

    mutating func editApplication(_ change: (inout Application) -> Bool) -> Bool {
        self.edit { _, event, _ in
            guard case .apply(var record) = event, change(&record) else { return false }
            event = .apply(record)
            return true
        }
    }

    mutating func editFinal(_ change: (inout FinalState) -> Bool) -> Bool {
        self.edit { _, event, _ in
            guard case .final(var state) = event, change(&state) else { return false }
            event = .final(state)
            return true
        }
    }

    /// Removes live final states; false if there were none.
    mutating func removeFinals(_ isGone: (FinalState) -> Bool) -> Bool {
        let before = self.events.count
        self.events.removeAll { event in
            guard case .final(let state) = event, state.write.name != nil else { return false }
            return isGone(state)
        }
        return self.events.count < before
    }

    /// Lets all replicas end one key with the version before the last.
    mutating func ageFinals() -> Bool {
        let replaced = self.replacements()
        let stamps = self.stamps()
        var chosen: KeyName?
        for index in self.events.indices {
            guard case .final(var state) = self.events[index], let write = state.write.name,
                case .write(let older) = replaced[write], let stamp = stamps[older],
                chosen == nil || chosen == state.key
            else { continue }
            chosen = state.key
            state.write = .write(older)
            state.stamp = stamp
            self.events[index] = .final(state)
        }
        return chosen != nil
    }

    /// Lets all replicas end a deleted key with what was deleted.
    mutating func undeleteFinals() -> Bool {
        let replaced = self.replacements()
        let stamps = self.stamps()
        var chosen: KeyName?
        for index in self.events.indices {
            guard case .final(var state) = self.events[index], state.isDelete,
                let write = state.write.name, case .write(let older) = replaced[write],
                let stamp = stamps[older], chosen == nil || chosen == state.key
            else { continue }
            chosen = state.key
            state.write = .write(older)
            state.stamp = stamp
            state.isDelete = false
            self.events[index] = .final(state)
        }
        return chosen != nil
    }

    // MARK: Facts

    private func completions() -> [(Invocation, Completion)] {
        var open: [UInt64: Invocation] = [:]
        return self.events.compactMap { event in
            if case .invoke(let invocation) = event { open[invocation.id] = invocation }
            guard case .ok(let completion) = event, let invocation = open[completion.id] else {
                return nil
            }
            return (invocation, completion)
        }
    }

    /// What each acknowledged write replaced.
    func replacements() -> [WriteName: Observed] {
        var replaced: [WriteName: Observed] = [:]
        for (invocation, completion) in self.completions() {
            if let write = invocation.write { replaced[write] = completion.previous }
        }
        return replaced
    }

    func stamps() -> [WriteName: HistoryStamp] {
        var stamps: [WriteName: HistoryStamp] = [:]
        for (invocation, completion) in self.completions() {
            if let write = invocation.write, let stamp = completion.stamp { stamps[write] = stamp }
        }
        return stamps
    }

    func valuesRead() -> Set<WriteName> {
        Set(
            self.completions().compactMap { invocation, completion in
                invocation.operation == .get && invocation.isConsistent
                    ? completion.write.name : nil
            }
        )
    }

    func conditions() -> [UInt64: WriteCondition] {
        var conditions: [UInt64: WriteCondition] = [:]
        for event in self.events {
            if case .invoke(let invocation) = event {
                conditions[invocation.id] = invocation.condition
            }
        }
        return conditions
    }

    /// By read: what was replaced by the item it saw, when the replacement was over before it.
    func stalerValues() -> [UInt64: WriteName] {
        var ended: [WriteName: UInt64] = [:]
        for (invocation, completion) in self.completions() {
            if let write = invocation.write { ended[write] = completion.time }
        }
        let replaced = self.replacements()
        var found: [UInt64: WriteName] = [:]
        for (invocation, completion) in self.completions() where invocation.operation == .get {
            guard let seen = completion.write.name, let end = ended[seen],
                end < invocation.time, case .write(let older) = replaced[seen]
            else { continue }
            found[invocation.id] = older
        }
        return found
    }

    /// By operation: whether its client had written the key before, and was told so.
    func ownWritesBefore() -> [UInt64: WriteName] {
        var found: [UInt64: WriteName] = [:]
        var written: [UInt64: WriteName] = [:]
        var open: [UInt64: Invocation] = [:]
        for event in self.events {
            switch event {
            case .invoke(let invocation):
                open[invocation.id] = invocation
                let place = UInt64(invocation.client) << 32 | UInt64(invocation.key.number)
                found[invocation.id] = written[place]
            case .ok(let completion):
                guard let invocation = open[completion.id], let write = invocation.write,
                    completion.stamp != nil
                else { continue }
                let place = UInt64(invocation.client) << 32 | UInt64(invocation.key.number)
                written[place] = write
            case .fail, .info, .apply, .final, .fault, .heal, .note: break
            }
        }
        return found
    }
}
