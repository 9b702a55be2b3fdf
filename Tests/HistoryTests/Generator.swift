import History
import Primitives

/// Draws of the tests' own; the draws of the simulator may change without theirs.
extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }

    mutating func oneIn(_ odds: Int) -> Bool { self.below(odds) == 0 }

    /// Bytes of any kind: often letters, sometimes controls, quotes and broken UTF-8.
    mutating func bytes() -> [UInt8] {
        let pieces: [[UInt8]] = [
            Array("k".utf8), Array("wé".utf8), [0xFF], [0xED, 0xB2, 0x80], Array("\"\\/".utf8),
            [0], [0x1F], [0xC3], Array("🪸".utf8), [0xF4, 0x90, 0x80, 0x80], [0x7F],
        ]
        return (0..<self.below(5)).flatMap { _ in pieces[self.below(pieces.count)] }
    }
}

/// Histories in which every event and every field occurs; they need not make sense.
struct HistoryGenerator {
    var chance: SplitMix64
    var history: History

    init(seed: UInt64) {
        self.chance = SplitMix64(seed: seed)
        let regions = ["us-east-1", "eu-west-1", "名"]
        self.history = History(
            header: HistoryHeader(
                host: seed % 2 == 0 ? .simulation : .gateway,
                seed: seed % 3 == 0 ? nil : "\(seed)",
                topology: seed % 5 == 0 ? nil : "three\n\"regions\"",
                regions: regions
            )
        )
    }

    mutating func history(events: Int) -> History {
        for _ in 0..<events { self.history.append(self.event()) }
        return self.history
    }

    private mutating func number() -> UInt64 {
        let numbers: [UInt64] = [0, 1, 9, 10, 1_732_170_000_000_000_000, .max]
        return numbers[self.chance.below(numbers.count)]
    }

    private mutating func stamp() -> HistoryStamp {
        HistoryStamp(self.number(), RegionRank(self.chance.below(3)))
    }

    private mutating func write() -> WriteName { self.history.names.write(self.chance.bytes()) }

    private mutating func key() -> KeyName {
        self.history.names.key(self.chance.bytes(), table: self.chance.bytes())
    }

    private mutating func observed() -> Observed {
        switch self.chance.below(3) {
        case 0: .unknown
        case 1: .nothing
        default: .write(self.write())
        }
    }

    private mutating func event() -> HistoryEvent {
        let time = self.number()
        switch self.chance.below(9) {
        case 0: return .invoke(self.invocation())
        case 1:
            return .ok(
                Completion(
                    id: self.number(),
                    write: self.observed(),
                    previous: self.observed(),
                    stamp: self.chance.oneIn(2) ? self.stamp() : nil,
                    time: time
                )
            )
        case 2:
            let error = self.history.names.text(Refusal.conditionFailed)
            let seen = self.observed()
            return .fail(Refusal(id: self.number(), error: error, previous: seen, time: time))
        case 3:
            let error = self.history.names.text("time\tout")
            return .info(Doubt(id: self.number(), error: error, time: time))
        case 4: return .apply(self.application())
        case 5:
            return .final(
                FinalState(
                    node: self.history.names.node("a"),
                    region: 2,
                    key: self.key(),
                    write: self.observed(),
                    stamp: self.chance.oneIn(2) ? self.stamp() : nil,
                    isDelete: self.chance.oneIn(2)
                )
            )
        default:
            let remark = Remark(
                self.history.names.text("cut"),
                time: self.chance.oneIn(2) ? time : nil
            )
            switch self.chance.below(3) {
            case 0: return .fault(remark)
            case 1: return .heal(remark)
            default: return .note(remark)
            }
        }
    }

    private mutating func invocation() -> Invocation {
        let operation = OperationKind.allCases[self.chance.below(4)]
        let conditions: [WriteCondition] = [
            .none, .exists(true), .exists(false), .previous(self.write()),
        ]
        return Invocation(
            id: self.number(),
            client: UInt32(self.chance.below(4)),
            region: RegionRank(self.chance.below(3)),
            operation: operation,
            key: self.key(),
            write: operation.isWrite ? self.write() : nil,
            condition: conditions[self.chance.below(4)],
            isConsistent: self.chance.oneIn(2),
            time: self.number()
        )
    }

    private mutating func application() -> Application {
        Application(
            node: self.history.names.node("us-east-1-\(self.chance.below(3))"),
            region: RegionRank(self.chance.below(3)),
            partition: self.number(),
            sequence: self.number(),
            key: self.key(),
            write: self.observed(),
            isDelete: self.chance.oneIn(2),
            stamp: self.stamp(),
            decision: ApplyDecision.allCases[self.chance.below(3)],
            against: self.chance.oneIn(2) ? self.stamp() : nil,
            time: self.chance.oneIn(2) ? self.number() : nil
        )
    }
}
