package import Primitives

/// Something that breaks, and what it breaks.
package enum Fault: Equatable, Sendable {
    /// The process dies; it starts again when the fault ends.
    case crash(node: Int)
    /// The process dies with what was not synced, by the loss of power.
    case powerLoss(node: Int)
    case pause(node: Int)
    /// The process dies and its disk is replaced by an empty one.
    case diskLoss(node: Int)
    /// All processes of a region die.
    case regionCrash(region: Int)
    /// Nothing arrives from one node at another.
    case cut(from: Int, to: Int)
    /// Nothing arrives at, or from, a node; or both.
    case isolate(node: Int, inbound: Bool, outbound: Bool)
    /// Nothing arrives from one region at another.
    case regionCut(from: Int, to: Int)
    /// A region and all others do not hear each other.
    case regionIsolate(region: Int)
    /// What is on its way from one node to another waits.
    case stall(from: Int, to: Int)
    /// The connection from one node to another is reset.
    case reset(from: Int, to: Int)
    /// All connections between two regions are reset.
    case regionReset(from: Int, to: Int)
    /// The links from one region to another (or between zones) behave differently.
    case link(from: Int, to: Int, LinkSettings)
    /// A wall clock is off, and drifts.
    case clock(node: Int, ClusterPlan.ClockSetting)
    /// A wall clock jumps, and back when the fault ends.
    case clockStep(node: Int, by: Int64)
    case slowDisk(node: Int, Nanoseconds)
    case fullDisk(node: Int)
    case brokenDisk(node: Int)
    /// A record of a disk rots; found by its checksum when it is read, and the disk replaced.
    case bitRot(node: Int, space: UInt8, place: UInt64)
    /// A region sends its changes to another no more.
    case pauseReplication(from: Int, to: Int)
    /// A region leaves the table and joins it again, with all its items.
    case rejoin(region: Int)

    /// The name by which `--faults` selects it.
    package var kind: FaultKind {
        switch self {
        case .crash: .crash
        case .powerLoss: .power
        case .pause: .pause
        case .diskLoss: .diskLoss
        case .regionCrash: .region
        case .cut, .isolate: .partition
        case .regionCut, .regionIsolate: .regionCut
        case .stall: .stall
        case .reset, .regionReset: .reset
        case .link: .slow
        case .clock, .clockStep: .clock
        case .slowDisk: .slowDisk
        case .fullDisk, .brokenDisk: .fullDisk
        case .bitRot: .bitRot
        case .pauseReplication: .replication
        case .rejoin: .rejoin
        }
    }
}

/// The kinds of faults, as `--faults` names them.
package enum FaultKind: String, CaseIterable, Sendable {
    case crash
    case power
    case pause
    case diskLoss = "disk-loss"
    case region
    case partition
    case regionCut = "region-cut"
    case stall
    case reset
    case slow
    case clock
    case slowDisk = "slow-disk"
    case fullDisk = "full-disk"
    case bitRot = "bit-rot"
    case replication
    case rejoin

    /// What it does, in one line.
    package var summary: String {
        switch self {
        case .crash: "processes die, and start again from their disks"
        case .power:
            "power is lost, and with it what was not synced; drawn only where turns are"
                + " synced"
        case .pause: "processes stop, and go on later"
        case .diskLoss: "a process dies with its disk, one in a region that is otherwise whole"
        case .region: "all processes of a region die"
        case .partition: "links inside a region are cut, one way or both"
        case .regionCut: "links between regions are cut, one way or both"
        case .stall: "what is on its way waits"
        case .reset: "connections are reset, and the last of what was sent is lost"
        case .slow: "links get slower, lose frames, or have little bandwidth"
        case .clock: "wall clocks are set off, drift and jump"
        case .slowDisk: "writes take long"
        case .fullDisk: "the disk takes no writes"
        case .bitRot: "a record rots, is found by its checksum, and the disk is replaced"
        case .replication: "a region sends no changes to another"
        case .rejoin: "a region leaves the table and is filled again"
        }
    }
}

/// A fault with its time.
package struct PlannedFault: Equatable, Sendable {
    /// After clients began.
    package var at: Nanoseconds
    /// How long it lasts; of those that are over at once, zero.
    package var lasts: Nanoseconds
    package var fault: Fault

    package init(at: Nanoseconds, lasts: Nanoseconds, _ fault: Fault) {
        self.at = at
        self.lasts = lasts
        self.fault = fault
    }
}
