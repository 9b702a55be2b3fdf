import Consensus
import NodeCore
import Primitives

/// How a cluster stands, in lines for people: printed when a run fails.
extension World {
    var stateLines: [String] {
        var lines: [String] = []
        for machine in self.machines {
            var words = [self.name(machine.index)]
            words.append(machine.isAlive ? "up" : machine.hasFailed ? "disk failed" : "down")
            words.append("incarnation \(machine.incarnation)")
            if machine.isPaused { words.append("paused") }
            if machine.isSyncing { words.append("syncing") }
            if machine.isSuspended { words.append("suspended") }
            if let node = machine.process {
                if node.loop.node.isIsolated(now: self.now) { words.append("isolated") }
            }
            let unheard = self.machines.indices.filter { other in
                other != machine.index && !self.paths[self.place(machine.index, other)].isOpen
            }
            if !unheard.isEmpty {
                words.append(
                    "no stream to " + unheard.map { self.name($0) }.joined(separator: ", ")
                )
            }
            for lag in machine.process?.loop.node.outboundLag(now: self.now) ?? []
            where lag.backlogChanges > 0 {
                words.append(
                    "\(lag.backlogChanges) changes for "
                        + self.plan.regions[Int(lag.destination.rank)].name
                )
            }
            lines.append(words.joined(separator: ", "))
            lines += self.groupLines(machine)
        }
        return lines
    }

    private func groupLines(_ machine: Machine) -> [String] {
        guard let process = machine.process else { return [] }
        return process.loop.node.groupViews.map { view in
            let configuration = process.loop.node.configuration(slot: view.slot)
            let role =
                view.isLeader ? (view.isLeaderReady ? "leads" : "leads, not ready") : "follows"
            let leader = view.leader.map { self.name(Int($0.node.index)) } ?? "nobody"
            let voters = (configuration?.voters ?? []).map { "\($0.node.index).\($0.incarnation)" }
            let learners = (configuration?.learners ?? []).map {
                "\($0.node.index).\($0.incarnation)"
            }
            return "    group \(view.id.number): term \(view.term.value) "
                + (view.isLeader ? role : "\(role) \(leader)")
                + ", applied \(view.applied.value) of \(view.commit.value) of "
                + "\(view.last.index.value), from \(view.base.index.value)"
                + (view.isInstalling ? ", installing" : "")
                + ", voters \(voters.joined(separator: " "))"
                + (learners.isEmpty ? "" : ", learners \(learners.joined(separator: " "))")
                + process.loop.node.indexStreamTexts(slot: view.slot).map { "; \($0)" }.joined()
        }
    }
}
