import Consensus
import Primitives
import Testing

@Suite("Transcripts replay as written") struct ScriptTests {
    @Test(arguments: try Script.all(beside: #filePath))
    func replays(_ script: Script) throws {
        var group = Group(voters: 1)
        let actual = script.replayed { GroupCommand.run($0, on: &group) }
        try script.check(actual)
    }

    @Test("there are transcripts") func scriptsAreFound() throws {
        #expect(try Script.all(beside: #filePath).count >= 8)
    }
}

/// The commands of the transcripts.
enum GroupCommand {
    static func run(_ command: Script.Command, on group: inout Group) -> String {
        do throws(ProposalError) {
            if let report = try self.perform(command, on: &group) { return report }
        } catch {
            return self.describe(error)
        }
        let events = group.takeEvents().map { Describe.effect($0.effect, of: $0.source) }
        return events.isEmpty ? "ok" : events.joined(separator: "\n")
    }

    /// Returns what to print instead of the events.
    private static func perform(
        _ command: Script.Command,
        on group: inout Group
    ) throws(ProposalError) -> String? {
        switch command.name {
        case "group":
            group = Group(
                voters: Int(command.options["voters"]!)!,
                learners: Int(command.options["learners"] ?? "0")!
            )
            if let leader = command.options["leader"] { group.elect(Int(leader)!) }
            _ = group.takeEvents()
        case "logs":
            // logs term=3 1,1,2 1,1,3: the terms of the entries on each voter's disk.
            let logs = command.words.map { $0.split(separator: ",").compactMap { Int($0) } }
            group = Group(logs: logs, term: Int(command.options["term"]!)!)
        case "join": group.join(command.number(0))
        case "campaign": group.campaign(command.number(0))
        case "lost": for word in command.words { group.leaderLost(Int(word)!) }
        case "pass": self.pass(command, on: &group)
        case "propose": try group.propose(command.number(0), command.words[1])
        case "configure": try self.configure(command, on: &group)
        case "transfer":
            try group[command.number(0)].transfer(to: Group.id(Int(command.options["to"]!)!))
            group.endTurn(command.number(0))
        case "down": group.peerDown(command.number(0), command.number(1))
        case "reset": group.peerReset(command.number(0), command.number(1))
        case "restart": group[command.number(0)].restart()
        case "compact":
            let index = LogIndex(UInt64(command.options["through"]!)!)
            group[command.number(0)].compact(through: index)
            group.endTurn(command.number(0))
        case "ship":
            if !group.ship(from: command.number(0), to: command.number(1)) { return "unwanted" }
        case "lease": group.leases = Set(command.words.map { Int($0)! })
        case "isolate": group.isolated = Set(command.words.map { Int($0)! })
        case "deliver": self.deliver(command, on: &group)
        case "stabilize": group.stabilize()
        case "drop": return self.drop(command, on: &group)
        case "status": return group.numbers.map { self.status(group[$0]) }.joined(separator: "\n")
        default: return "unknown command \(command.name)"
        }
        return nil
    }

    private static func pass(_ command: Script.Command, on group: inout Group) {
        let milliseconds = command.words[0].replacing("ms", with: "")
        let only = command.options["only"].map { Set($0.split(separator: ",").map { Int($0)! }) }
        group.pass(.milliseconds(UInt64(milliseconds)!), only: only)
    }

    private static func configure(
        _ command: Script.Command,
        on group: inout Group
    ) throws(ProposalError) {
        func members(_ name: String) -> [ReplicaID] {
            (command.options[name] ?? "").split(separator: ",").map { Group.id(Int($0)!) }
        }
        let proposed = Configuration(voters: members("voters"), learners: members("learners"))
        try group[command.number(0)].configure(proposed)
        group.endTurn(command.number(0))
    }

    /// `deliver [N]`: the N oldest messages, or all that are on their way now.
    private static func deliver(_ command: Script.Command, on group: inout Group) {
        let count = command.words.first.flatMap { Int($0) } ?? group.network.count
        for _ in 0..<count where !group.deliverNext() { return }
    }

    private static func drop(_ command: Script.Command, on group: inout Group) -> String {
        let before = group.network.count
        let target = command.options["to"].flatMap { Int($0) }
        group.drop { target == nil || $0.target == target }
        return "dropped \(before - group.network.count)"
    }

    private static func status(_ host: Host) -> String {
        let replica = host.replica
        let role = replica.isLeader ? "leads" : "follows \(Describe.id(replica.leader))"
        return "\(Describe.id(host.id)): t\(replica.term.value) \(role)"
            + " base \(replica.base.index.value) last \(Describe.position(replica.last))"
            + " commit \(replica.commitIndex.value) applied \(replica.appliedIndex.value)"
            + " \(Describe.members(replica.configuration))"
            + (replica.needsTick ? " needs tick" : "") + (replica.leaderReady ? " ready" : "")
    }

    private static func describe(_ error: ProposalError) -> String {
        switch error {
        case .notLeader(let hint): "refused: not leader, ask \(Describe.id(hint))"
        case .transferring(let target): "refused: transferring to \(Describe.id(target))"
        case .backlogFull: "refused: backlog full"
        case .payloadTooLarge: "refused: payload too large"
        case .configurationPending: "refused: configuration pending"
        case .configurationInvalid: "refused: configuration invalid"
        case .learnerBehind(let learner): "refused: \(Describe.id(learner)) is behind"
        case .notVoter(let replica): "refused: \(Describe.id(replica)) is no voter"
        }
    }
}
