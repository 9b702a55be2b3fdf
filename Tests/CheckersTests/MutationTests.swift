import Checkers
import History
import Testing

/// One event of a valid history corrupted in a way that somebody must see.
struct Mutation: CustomTestStringConvertible, Sendable {
    var name: String
    /// Which check must find it.
    var check: Check
    var settings = MiniCluster.Settings()
    var isStrict = false
    /// Nil when the history offers no place for it.
    var corrupt: @Sendable (inout History) -> Bool

    var testDescription: String { self.name }
}

@Suite("A corrupted event flips the verdict") struct MutationTests {
    @Test("honest histories pass every check", arguments: 0..<300 as Range<UInt64>)
    func honest(seed: UInt64) {
        var settings = MiniCluster.Settings()
        settings.regions = 1 + Int(seed % 3)
        settings.clockStep = seed % 5 == 0 ? 40 : 1
        settings.hasDeletes = seed % 4 != 0
        let history = MiniCluster.history(seed: seed, settings)
        let report = Judge.judge(history)
        for result in report.results where !result.verdict.isValid {
            Issue.record("seed \(seed): \(result.check.rawValue): \(result.verdict)")
        }
        #expect(report.results.count >= 14)
        let judged = report[.linearizability]?.judged ?? 0
        #expect(judged > 0)
    }

    @Test("and so do they after a trip through a file")
    func roundTrip() throws {
        for seed in 0..<20 as Range<UInt64> {
            let history = MiniCluster.history(seed: seed)
            let read = try History(parsing: history.encoded())
            let (before, after) = (Judge.judge(history), Judge.judge(read))
            #expect(before.results.map(\.judged) == after.results.map(\.judged))
            #expect(before.results.map(\.figures) == after.results.map(\.figures))
        }
    }

    @Test("a read that shows an older version is found by how old it is")
    func staleness() {
        var fits = 0
        for seed in 0..<60 as Range<UInt64> {
            var history = MiniCluster.history(seed: seed, Mutation.single)
            let (staler, stamps) = (history.stalerValues(), history.stamps())
            let isCorrupt = history.editRead { read, completion in
                guard let older = staler[read.id], let stamp = stamps[older] else { return false }
                completion.write = .write(older)
                completion.stamp = stamp
                return true
            }
            guard isCorrupt else { continue }
            fits += 1
            var plan = CheckPlan(checks: [.staleness])
            plan.stalenessMax = 0
            #expect(Judge.judge(history, plan).verdict.isInvalid, "seed \(seed)")
            plan.stalenessMax = 1_000_000_000
            #expect(Judge.judge(history, plan).verdict == .valid, "seed \(seed)")
        }
        #expect(fits >= 5)
    }

    @Test("each mutation is found wherever it fits", arguments: Mutation.all)
    func mutation(_ mutation: Mutation) {
        var fits = 0
        for seed in 0..<60 as Range<UInt64> {
            var history = MiniCluster.history(seed: seed, mutation.settings)
            guard mutation.corrupt(&history) else { continue }
            fits += 1
            var plan = CheckPlan(checks: [mutation.check])
            plan.isStrict = mutation.isStrict
            let verdict = Judge.judge(history, plan)[mutation.check]?.verdict
            if verdict?.isInvalid != true {
                Issue.record("seed \(seed): \(mutation.name): \(String(describing: verdict))")
                return
            }
            #expect(verdict?.counterexample?.lines.isEmpty == false)
        }
        #expect(fits >= 5, "\(mutation.name) fits \(fits) of 60 histories")
    }
}

extension Mutation {
    fileprivate static let single: MiniCluster.Settings = {
        var settings = MiniCluster.Settings()
        settings.regions = 1
        settings.hasDoubts = false
        settings.weakReads = 0
        return settings
    }()

    private static let plain: MiniCluster.Settings = {
        var settings = MiniCluster.Settings()
        settings.hasDeletes = false
        settings.hasDoubts = false
        return settings
    }()

    private static let ties: MiniCluster.Settings = {
        var settings = MiniCluster.Settings()
        settings.keys = 1
        settings.clockStep = 1_000
        return settings
    }()

    static let all: [Mutation] = clients + replicas + ends

    // MARK: What clients were told

    private static let clients: [Mutation] = [
        Mutation(name: "a read of what nobody wrote", check: .linearizability, settings: single) {
            let ghost = $0.names.write("ghost")
            return $0.editRead { $1.write = .write(ghost) }
        },
        Mutation(name: "a stale strong read", check: .linearizability, settings: single) {
            history in
            let staler = history.stalerValues()
            return history.editRead { read, completion in
                guard let older = staler[read.id] else { return false }
                completion.write = .write(older)
                return true
            }
        },
        Mutation(name: "a lost update", check: .linearizability, settings: single) { history in
            let replaced = history.replacements()
            return history.editCompletion { invocation, completion in
                guard invocation.operation.isWrite, let previous = completion.previous.name,
                    case .write(let older) = replaced[previous]
                else { return false }
                completion.previous = .write(older)
                return true
            }
        },
        Mutation(name: "a failed write that was read", check: .linearizability, settings: single) {
            history in
            let seen = history.valuesRead()
            return history.edit { names, event, invocation in
                guard case .ok(let completion) = event, let write = invocation?.write,
                    seen.contains(write)
                else { return false }
                let error = names.text("ValidationException")
                event = .fail(Refusal(id: completion.id, error: error, time: completion.time))
                return true
            }
        },
        Mutation(name: "a condition that failed on what it asks", check: .linearizability) {
            history in
            let conditions = history.conditions()
            return history.edit { _, event, _ in
                guard case .fail(var refusal) = event,
                    case .previous(let write) = conditions[refusal.id]
                else { return false }
                refusal.previous = .write(write)
                event = .fail(refusal)
                return true
            }
        },
        Mutation(
            name: "a strong read before the client's own write",
            check: .readYourWrites,
            settings: single
        ) { history in
            let own = history.ownWritesBefore()
            return history.editRead { read, completion in
                guard own[read.id] != nil else { return false }
                completion.stamp = HistoryStamp(1, 0)
                return true
            }
        },
        Mutation(
            name: "a later write with a lower stamp",
            check: .monotonicWrites,
            settings: single
        ) {
            history in
            let own = history.ownWritesBefore()
            return history.editCompletion { invocation, completion in
                guard invocation.operation.isWrite, own[invocation.id] != nil,
                    completion.stamp != nil
                else { return false }
                completion.stamp = HistoryStamp(1, 0)
                return true
            }
        },
    ]

    // MARK: What replicas said

    private static let replicas: [Mutation] = [
        Mutation(name: "an older version wins", check: .decisions) { history in
            history.editApplication { record in
                guard record.decision == .older, record.against != nil else { return false }
                record.decision = .applied
                return true
            }
        },
        Mutation(name: "a newer version is refused", check: .decisions) { history in
            history.editApplication { record in
                guard record.decision == .applied, record.against != nil else { return false }
                record.decision = .older
                return true
            }
        },
        Mutation(name: "a tie goes to the lower rank", check: .ties, settings: ties) { history in
            history.editApplication { record in
                guard let against = record.against, against.time == record.stamp.time,
                    against.region != record.stamp.region
                else { return false }
                record.decision = record.decision == .applied ? .older : .applied
                return true
            }
        },
        Mutation(name: "a replica goes back", check: .monotoneReplicas) { history in
            history.editApplication { record in
                guard record.decision == .older else { return false }
                record.decision = .applied
                return true
            }
        },
        Mutation(name: "an old put returns after a delete", check: .noResurrection) { history in
            var deletes: [UInt64: HistoryStamp] = [:]
            return history.editApplication { record in
                let place = UInt64(record.node.number) << 32 | UInt64(record.key.number)
                if record.isDelete, record.decision == .applied {
                    deletes[place] = record.stamp
                    return false
                }
                guard let stamp = deletes[place], record.decision == .applied else { return false }
                record.stamp = HistoryStamp(stamp.time - 1, stamp.region)
                return true
            }
        },
        Mutation(name: "a follower applies another version", check: .replicasAgree) { history in
            var count = 0
            return history.editApplication { record in
                guard record.decision == .applied else { return false }
                count += 1
                guard count > 8 else { return false }
                record.stamp.time += 3
                return true
            }
        },
        Mutation(name: "a follower applies another item", check: .replicasAgree) { history in
            let other = history.names.write("other")
            var count = 0
            return history.editApplication { record in
                count += record.decision == .applied ? 1 : 0
                guard count > 8 else { return false }
                record.write = .write(other)
                return true
            }
        },
        Mutation(name: "a replica's stamp differs", check: .oneStamp) { history in
            history.editApplication { record in
                guard record.decision == .applied else { return false }
                record.stamp.time += 1
                return true
            }
        },
    ]

    // MARK: How it ended

    private static let ends: [Mutation] = [
        Mutation(name: "one replica ends elsewhere", check: .convergence, settings: plain) {
            history in
            let replaced = history.replacements()
            return history.editFinal { state in
                guard let write = state.write.name, let older = replaced[write],
                    older != .nothing
                else { return false }
                state.write = older
                state.stamp = nil
                return true
            }
        },
        Mutation(name: "one replica lost an item", check: .convergence, settings: plain) {
            history in
            history.editFinal { state in
                guard state.write.name != nil else { return false }
                state.write = .nothing
                state.stamp = nil
                return true
            }
        },
        Mutation(name: "a region has no line for an item", check: .convergence, settings: plain) {
            history in
            history.removeFinals { $0.region == 1 && $0.key.number == 0 }
        },
        Mutation(name: "all end with an older version", check: .rightWinner, settings: plain) {
            $0.ageFinals()
        },
        Mutation(name: "an acknowledged write is nowhere", check: .nothingLost, settings: plain) {
            $0.ageFinals()
        },
        Mutation(
            name: "one region lost an acknowledged write",
            check: .nothingLost,
            settings: plain
        ) {
            history in
            history.removeFinals { $0.region == 1 && $0.key.number == 0 }
        },
        Mutation(name: "a final state's stamp differs", check: .oneStamp) { history in
            history.editFinal { state in
                guard state.stamp != nil, state.write.name != nil else { return false }
                state.stamp?.time += 1
                return true
            }
        },
        Mutation(name: "a delete is undone at the end", check: .noResurrection) { history in
            history.undeleteFinals()
        },
    ]
}
