import EventLoop
import Primitives
import Topology
import Wire

/// Kills nodes and starts them again at once; with `wipe` without their disks.
package struct RestartFault: Fault {
    package static let kind = "restart"
    package let title: String
    package let lasts = false
    private let nodes: [Int]
    private let wipes: Bool

    package init(_ arguments: FaultArguments) throws(FaultError) {
        self.nodes = try arguments.nodes("target")
        self.wipes = arguments.flag("wipe")
        self.title = "restart \(try arguments.text("target"))" + (self.wipes ? " wiped" : "")
    }

    package func inject(_ id: Int, into fleet: Supervisor) async throws(FaultError)
        -> [Measurement]
    {
        if let paused = self.nodes.first(where: { !fleet.nodes[$0].pauses.isEmpty }) {
            let holds = fleet.nodes[paused].pauses.sorted().map { "f\($0)" }
            throw FaultError(
                "\(fleet.nodes[paused].name) is paused by \(holds.joined(separator: ", "))",
                hint: "Let it go on first: atoll heal \(holds[0])"
            )
        }
        if self.wipes { try self.checkSurvivors(fleet) }
        let before = await fleet.liveness(of: self.nodes)
        for index in self.nodes {
            await fleet.nodes[index].kill()
            fleet.forgetKills(of: index)
            guard self.wipes else { continue }
            do throws(FileError) {
                try Files.remove(fleet.directory.dataDirectory(fleet.nodes[index].name))
            } catch {
                throw FaultError(error.description)
            }
        }
        let start = fleet.loop.now
        try await fleet.startAgain(self.nodes)
        let elapsed = Figures.duration(fleet.loop.now - start)
        let after = await fleet.liveness(of: self.nodes)
        let measurements = self.nodes.indices.map { index in
            let (old, new) = (Self.facts(before[index]), Self.facts(after[index]))
            // A wiped node is another replica to its peers, which its incarnation tells.
            let isOther =
                !self.wipes || old.incarnation == nil || old.incarnation != new.incarnation
            return Measurement(
                fleet.nodes[self.nodes[index]].name,
                before: old.text,
                after: "\(new.text), ready in \(elapsed)",
                expected: self.wipes ? "another process and incarnation" : "another process",
                isAsExpected: new.pid != nil && new.pid != old.pid && isOther
            )
        }
        guard measurements.allSatisfy(\.isAsExpected) else {
            throw FaultError("not every node came back anew", measurements: measurements)
        }
        return measurements
    }

    /// A region is refilled by the majority that keeps its disks.
    @FleetLoop private func checkSurvivors(_ fleet: Supervisor) throws(FaultError) {
        for region in fleet.topology.regions {
            let members = region.nodes.map { Int($0.index) }
            let wiped = members.filter { self.nodes.contains($0) }
            guard !wiped.isEmpty,
                !Supervisor.survives(losing: wiped.count, of: members.count)
            else { continue }
            throw FaultError(
                "without the disks of \(wiped.count) of its \(members.count) nodes the data of "
                    + "\(region.name) would be gone for good",
                hint: "Wipe fewer at once; or begin with empty tables: atoll up --fresh"
            )
        }
    }

    package func heal(_ id: Int, in fleet: Supervisor) async throws(FaultError) -> [Measurement] {
        []
    }

    private static func facts(_ result: HTTPResult) -> (pid: Int?, incarnation: Int?, text: String)
    {
        guard case .success(let answer) = result, let pid = answer.json?["pid"]?.int else {
            return (nil, nil, "not running")
        }
        let incarnation = answer.json?["incarnation"]?.int
        let suffix = incarnation.map { ", incarnation \($0)" } ?? ""
        return (pid, incarnation, "process \(pid)\(suffix)")
    }
}
