import DataModel
package import Primitives

/// What the table has beside its items: indexes, some of them made or dropped while clients ask,
/// and a time to live.
package struct TablePlan: Equatable, Sendable {
    /// An index, and from when to when the table is to have it.
    package struct Index: Equatable, Sendable {
        package var kind: IndexKind
        package var projection: Projection
        /// After clients began; nil: the table is made with it.
        package var madeAt: Nanoseconds?
        /// After clients began; nil: never.
        package var droppedAt: Nanoseconds?

        package init(_ kind: IndexKind, _ projection: Projection) {
            self.kind = kind
            self.projection = projection
        }

        func isWanted(at time: Nanoseconds) -> Bool {
            self.madeAt ?? 0 <= time && time < self.droppedAt ?? .max
        }
    }

    /// What an index holds beside the keys.
    package enum Projection: String, CaseIterable, Sendable {
        case all, keys, include
    }

    /// Items that expire.
    package struct TimeToLive: Equatable, Sendable {
        /// How often each partition looks for expired items.
        package var period: Nanoseconds
        /// Of a hundred writes so many give their item an expiry; all others take it away.
        package var percent: UInt64

        package init(period: Nanoseconds, percent: UInt64) {
            self.period = period
            self.percent = percent
        }
    }

    /// Items lie under a sort key, several to a partition key, as local indexes need it.
    package var hasSortKey = false
    package var indexes: [Index] = []
    package var timeToLive: TimeToLive?
    /// Records that one part of an index's backfill reads: the fewer, the longer it takes.
    package var backfillRecords: UInt64 = 512

    package init() {}

    /// Whether the table has nothing but items.
    package var isPlain: Bool {
        !self.hasSortKey && self.indexes.isEmpty && self.timeToLive == nil
    }

    var hasGlobals: Bool { self.indexes.contains { !$0.kind.isLocal } }
    var hasLocals: Bool { self.indexes.contains { $0.kind.isLocal } }

    var schema: KeySchema {
        KeySchema(
            partitionKey: KeyAttribute(name: Names.partition, type: .string),
            sortKey: self.hasSortKey ? KeyAttribute(name: Names.sort, type: .string) : nil
        )
    }

    /// The names of the attributes that the table's workload uses.
    enum Names {
        static let partition = Array("p".utf8)
        static let sort = Array("r".utf8)
        static let write = Array("w".utf8)
        static let counter = Array("n".utf8)
        static let padding = Array("x".utf8)
        static let expiry = Array("e".utf8)
        static let group = Array("g".utf8)
        static let rank = Array("s".utf8)
        static let height = Array("h".utf8)
        static let local = Array("l".utf8)
    }
}

/// The indexes that a workload's table can have.
package enum IndexKind: String, CaseIterable, Sendable {
    /// Local, by a number.
    case local
    /// Global, by a text and a number.
    case group
    /// Global, by a number alone.
    case height
    /// Global, with a key of several attributes.
    case pair

    package var isLocal: Bool { self == .local }
}

extension TablePlan.Index {
    var definition: IndexDefinition {
        let text = { (name: [UInt8]) in KeyAttribute(name: name, type: .string) }
        let number = { (name: [UInt8]) in KeyAttribute(name: name, type: .number) }
        let names = TablePlan.Names.self
        let keys: IndexKeys
        switch self.kind {
        case .local:
            keys = IndexKeys(partition: [text(names.partition)], sort: [number(names.local)])
        case .group: keys = IndexKeys(partition: [text(names.group)], sort: [number(names.rank)])
        case .height: keys = IndexKeys(partition: [number(names.height)], sort: [])
        case .pair:
            keys = IndexKeys(
                partition: [text(names.group), number(names.height)],
                sort: [number(names.rank), number(names.local)]
            )
        }
        let projection: IndexProjection
        switch self.projection {
        case .all: projection = .all
        case .keys: projection = .keysOnly
        case .include: projection = .include([names.counter])
        }
        return IndexDefinition(name: self.kind.rawValue, keys: keys, projection: projection)
    }

    /// What the index has to hold of an item, or nil: said anew here, so that the core is not
    /// asked whether it is right.
    func entry(of item: AttributeMap, hasSortKey: Bool) -> AttributeMap? {
        let names = TablePlan.Names.self
        let keys: [[UInt8]]
        switch self.kind {
        case .local: keys = [names.partition, names.local]
        case .group: keys = [names.group, names.rank]
        case .height: keys = [names.height]
        case .pair: keys = [names.group, names.height, names.rank, names.local]
        }
        guard keys.allSatisfy({ item[$0] != nil }) else { return nil }
        var shown = keys + [names.partition]
        if hasSortKey { shown.append(names.sort) }
        switch self.projection {
        case .all: return item
        case .keys: break
        case .include: shown.append(names.counter)
        }
        var entry = AttributeMap()
        for name in shown { entry[name] = item[name] }
        return entry
    }
}

/// What one write sets, and what it takes away, of the attributes that key indexes and of the
/// expiry: drawn from the write's number alone, so that no other draw is shifted.
struct WriteAttributes {
    var present: [(name: [UInt8], value: AttributeValue)] = []
    var absent: [[UInt8]] = []
    /// The second since 1970 at which the item expires.
    private(set) var expiry: Int?

    /// Some updates leave all index keys as they are; `second` is the true time, since 1970.
    init(_ plan: TablePlan, write: UInt64, isUpdate: Bool, second: Int) {
        guard !plan.isPlain else { return }
        var random = SplitMix64(seed: write &* 0x9E6C_63D0_876A_9A35 ^ 0x1DE7)
        let names = TablePlan.Names.self
        if !plan.indexes.isEmpty {
            let keepsKeys = random.chance(1, outOf: 4)
            let group = random.below(4)
            let numbers = (0..<3).map { _ in Int(random.below(10)) }
            let isSparse = (0..<4).map { _ in random.chance(1, outOf: 5) }
            let values: [AttributeValue] =
                [.string(Array("g\(group)".utf8))] + numbers.map { .number(DecimalNumber($0)) }
            let keys = [names.group, names.rank, names.height, names.local]
            if !isUpdate || !keepsKeys {
                for (place, name) in keys.enumerated() {
                    self.set(name, isSparse[place] ? nil : values[place])
                }
            }
        }
        guard let timeToLive = plan.timeToLive else { return }
        let expires = random.chance(timeToLive.percent, outOf: 100)
        // Some have expired already, so long ago that no region waits for another.
        let after = Int(random.below(80)) - 60
        if expires { self.expiry = second + after }
        self.set(names.expiry, self.expiry.map { .number(DecimalNumber($0)) })
    }

    private mutating func set(_ name: [UInt8], _ value: AttributeValue?) {
        if let value {
            self.present.append((name, value))
        } else {
            self.absent.append(name)
        }
    }
}
