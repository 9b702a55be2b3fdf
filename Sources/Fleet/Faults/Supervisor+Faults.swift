import EventLoop
import Topology
import Wire

/// Injecting and healing, one at a time.
extension Supervisor {
    /// Injects what a request asks for, and undoes it when it does not take effect.
    func inject(_ json: JSONValue) async throws(FaultError) -> JSONValue {
        let arguments = FaultArguments(topology: self.topology, json: json)
        let fault = try FaultRegistry.fault(arguments)
        let duration = try arguments.count("forMs")
        guard self.phase == .ready else {
            throw FaultError("the cluster is still starting", hint: "Wait: atoll status")
        }
        await self.faultTurn.enter()
        defer { self.faultTurn.leave() }
        self.faultCount += 1
        let id = self.faultCount
        let active = ActiveFault(id: id, fault, startedAt: self.loop.now, measurements: [])
        await self.remark("fault", "\(active.name): \(fault.title)")
        do throws(FaultError) {
            active.measurements = try await fault.inject(id, into: self)
        } catch {
            let result = await self.undo(id, fault, error)
            await self.remark("heal", "\(active.name) did not take effect and was undone")
            self.faultCount -= 1
            throw result
        }
        if fault.lasts {
            self.faults.append(active)
            if duration > 0 { self.schedule(active, milliseconds: duration) }
        }
        self.note("fault \(active.name): \(fault.title)")
        return active.json(now: self.loop.now)
    }

    /// Takes back what an injection that failed may have left, and says so.
    private func undo(_ id: Int, _ fault: any Fault, _ error: FaultError) async -> FaultError {
        var result = error
        do throws(FaultError) {
            _ = try await fault.heal(id, in: self)
            if result.hint.isEmpty, fault.lasts { result.hint = "Nothing of it is left." }
        } catch {
            self.plan.remove(fault: id)
            await self.apply(toNodes: Set(self.nodes.indices))
            result.hint = "Undoing it failed too: \(error.message)"
        }
        return result
    }

    private func schedule(_ active: ActiveFault, milliseconds: UInt64) {
        active.expiresAt = self.loop.now + milliseconds * 1_000_000
        active.timer = self.loop.timer(afterNanoseconds: milliseconds * 1_000_000) {
            FleetLoop.start {
                guard self.faults.contains(where: { $0 === active }) else { return }
                _ = await self.heal([active])
            }
        }
    }

    /// Heals faults, the latest first; each with what was measured, or with why it failed.
    func heal(_ wanted: [ActiveFault]) async -> [JSONValue] {
        await self.faultTurn.enter()
        defer { self.faultTurn.leave() }
        var results: [JSONValue] = []
        for active in wanted.sorted(by: { $0.id > $1.id })
        where self.faults.contains(where: { $0 === active }) {
            active.timer?.cancel()
            active.expiresAt = nil
            active.isHealing = true
            defer { active.isHealing = false }
            do throws(FaultError) {
                active.measurements = try await active.fault.heal(active.id, in: self)
                active.problem = nil
                self.faults.removeAll { $0 === active }
                self.note("healed \(active.name): \(active.fault.title)")
                await self.remark("heal", "\(active.name): \(active.fault.title)")
            } catch {
                // Taken out of the plan even so; it stays listed until a heal proves it gone.
                active.problem = error.message
                active.measurements = error.measurements
                self.note(
                    self.style.red("healing \(active.name) failed: ") + error.message
                        + "\n  try again: atoll heal \(active.name)"
                )
            }
            results.append(active.json(now: self.loop.now))
        }
        return results
    }

    /// A killed node that is started by hand is no longer the fault's to start; a fault that has no
    /// node left is over.
    func forgetKills(of node: Int) {
        self.nodes[node].kills = []
        self.faults.removeAll { active in
            guard active.fault is KillFault else { return false }
            let isOver = !self.nodes.contains { $0.kills.contains(active.id) }
            if isOver { active.timer?.cancel() }
            return isOver
        }
    }

    /// What is not as the topology says although no fault is in force; nothing, after a good heal.
    func leftovers() async -> [String] {
        var left: [String] = []
        if !self.plan.isClear { left.append("the plan still holds effects") }
        for node in self.nodes {
            guard let pid = node.pid else {
                left.append("\(node.name) does not run")
                continue
            }
            if ProcessTable.isStopped(pid) { left.append("\(node.name) is stopped") }
        }
        let alive = self.nodes.indices.filter { self.nodes[$0].answers }
        let clocks = await self.clocks(of: alive)
        let paused = await self.pausedReplication(of: alive)
        for (index, node) in alive.enumerated() {
            let name = self.nodes[node].name
            if clocks[index]?.settings != self.plan.baseClock(of: node) {
                left.append("\(name) has a wrong clock")
            }
            if paused[index] != [] { left.append("\(name) does not replicate everywhere") }
        }
        let regions = self.topology.regions.indices
        for region in regions {
            let endpoint = await self.askEndpoint(region)
            if case .success(let answer) = endpoint, answer.status == 200 { continue }
            left.append("the endpoint of \(self.topology.regions[region].name) does not answer")
        }
        var links: [DirectedLink] = []
        for source in alive {
            for target in alive where source != target {
                links.append(DirectedLink(from: source, to: target))
            }
        }
        let sample = self.sample(of: links)
        for measurement in await self.verify(sample)
        where !measurement.isAsExpected {
            left.append("\(measurement.what): \(measurement.after), not \(measurement.expected)")
        }
        return left
    }
}
