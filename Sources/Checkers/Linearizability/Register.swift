import History

/// What a step demands of the register.
enum Requirement: Equatable {
    case any, nothing, exists
    case item(WriteName)
    case not(WriteName)
}

/// What a step does to the register.
enum RegisterEffect: Equatable {
    case keep, clear
    case set(WriteName)

    var written: WriteName? {
        switch self {
        case .set(let write): write
        case .keep, .clear: nil
        }
    }
}

/// One operation on one key as a step of a register: it happens at one moment in its span.
struct Step {
    enum Source: Equatable {
        /// A row of the operations.
        case operation(UInt32)
        /// A row of the decisions: another region's write lands here.
        case landing(UInt32)
        /// The item was there before the history began.
        case earlier(WriteName)
    }

    var call: UInt32
    /// `UInt32.max` while nobody knows that it happened.
    var end: UInt32
    var requirement: Requirement
    var effect: RegisterEffect
    var source: Source
    /// It certainly happened; otherwise it may be left out.
    var isRequired: Bool
}

/// One key in one region, ready to be judged.
struct Register {
    var key: Int
    var region: RegionRank
    var steps: [Step] = []
    var hasBlindRequirements: Bool {
        self.steps.contains { $0.isRequired && $0.requirement.isBlind }
    }
}

extension Requirement {
    /// It speaks of the item without naming it.
    var isBlind: Bool {
        switch self {
        case .exists, .not: true
        case .any, .nothing, .item: false
        }
    }

    var isExclusion: Bool {
        switch self {
        case .not: true
        case .any, .nothing, .exists, .item: false
        }
    }

    var item: WriteName? {
        switch self {
        case .item(let write): write
        case .any, .nothing, .exists, .not: nil
        }
    }
}

/// Why a register is not judged by search.
enum RegisterProblem: Error {
    /// Two facts exclude each other already.
    case contradiction(Counterexample)
    /// The history does not say enough.
    case unknown(String)
    /// Other regions wrote the key, and nothing tells when their writes landed here.
    case foreign
}
