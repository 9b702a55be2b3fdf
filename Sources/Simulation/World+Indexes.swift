import DataModel
import NodeCore
import Primitives
import Replication
import Tables

/// Whether secondary indexes hold what follows from the items: read from the disks, entry by entry,
/// and compared with what the workload's plan says of them.
extension World {
    /// What an index has under one key, or should have.
    private struct Entry: Equatable {
        var stamp: Stamp
        var image: [UInt8]
    }

    /// Entries by the names of the items that they are of; items have one entry in each index.
    private typealias Entries = [[UInt8]: Entry]

    // MARK: Which

    /// How every running node of a region knows the table's global indexes; nil for one that does
    /// not know the table.
    func indexRecords(of table: String, _ region: Int) -> [[IndexRecord]?] {
        self.machines(in: region).compactMap { machine in
            machine.process.map { $0.loop.node.indexRecords(of: table) }
        }
    }

    /// Whether every running node of a region knows exactly these indexes, all of them active.
    func hasIndexes(_ plan: TablePlan, at time: Nanoseconds, _ table: String, _ region: Int) -> Bool
    {
        let wanted = plan.globals(at: time).map(\.kind.rawValue).sorted()
        return self.indexRecords(of: table, region).allSatisfy { records in
            guard let records else { return false }
            return records.map(\.name).sorted() == wanted
                && records.allSatisfy { $0.status == .active }
        }
    }

    // MARK: Global indexes

    /// The first thing that is wrong with the active global indexes of a region; nil when all
    /// replicas of them hold what follows from the items.
    func globalIndexFault(_ plan: TablePlan, _ forms: RequestForms, _ region: Int) -> String? {
        let records = self.indexRecords(of: RequestForms.table, region)
        for index in plan.indexes where !index.kind.isLocal {
            let name = index.kind.rawValue
            // With the definition of this one: there may have been another of its name.
            let isActive = records.allSatisfy { records in
                records?.contains {
                    $0.name == name && $0.status == .active && $0.definition == index.definition
                } ?? false
            }
            guard isActive else { continue }
            if let fault = self.fault(of: index, forms, region) { return fault }
        }
        return nil
    }

    private func fault(
        of index: TablePlan.Index,
        _ forms: RequestForms,
        _ region: Int
    ) -> String? {
        let name = index.kind.rawValue
        guard let wanted = self.wanted(index, forms, region) else {
            return "a partition of the table has no leader"
        }
        // Of each partition of the index, what each of its replicas holds.
        var missing = wanted
        var known: [PartitionID: (machine: Machine, entries: Entries)] = [:]
        for machine in self.machines(in: region) {
            for place in machine.process?.loop.node.indexPlaces ?? []
            where place.table == RequestForms.table && place.index == name {
                let found: Entries
                switch self.entries(on: machine, place.partition, forms) {
                case .success(let entries): found = entries
                case .failure(let fault):
                    return "index \(name) on \(self.name(machine.index)): \(fault.text)"
                }
                if let other = known[place.partition] {
                    if other.entries != found {
                        return "replicas of index \(name) differ on \(self.name(machine.index)) "
                            + "and \(self.name(other.machine.index)): "
                            + self.difference(other.entries, found)
                    }
                    continue
                }
                known[place.partition] = (machine, found)
                for (item, entry) in found.sorted(by: { Self.isBefore($0.key, $1.key) }) {
                    let fault = self.fault(item, entry, wanted[item], isTaken: missing[item] == nil)
                    if let fault {
                        return "index \(name) on \(self.name(machine.index)): \(fault)"
                    }
                    missing[item] = nil
                }
            }
        }
        guard let item = missing.keys.min(by: Self.isBefore) else { return nil }
        return "index \(name) in \(self.plan.regions[region].name): the entry of "
            + "\(Self.text(item)) is missing"
    }

    private func fault(
        _ item: [UInt8],
        _ entry: Entry,
        _ wanted: Entry?,
        isTaken: Bool
    ) -> String? {
        guard let wanted else { return "an entry of \(Self.text(item)) is left over" }
        if entry.stamp < wanted.stamp { return "the entry of \(Self.text(item)) is stale" }
        if entry != wanted { return "the entry of \(Self.text(item)) is wrong" }
        return isTaken ? "\(Self.text(item)) has two entries" : nil
    }

    private func difference(_ one: Entries, _ other: Entries) -> String {
        let keys = Set(one.keys).union(other.keys)
        let first = keys.filter { one[$0] != other[$0] }.min(by: Self.isBefore)
        return first.map(Self.text) ?? "nothing"
    }

    /// What follows from the items that the leaders of a region hold; nil without leaders.
    private func wanted(
        _ index: TablePlan.Index,
        _ forms: RequestForms,
        _ region: Int
    ) -> Entries? {
        var entries: Entries = [:]
        var led = 0
        for machine in self.machines(in: region) {
            guard let process = machine.process else { continue }
            for view in process.loop.node.groupViews where view.isLeaderReady {
                let isTable = process.loop.node.partitionPlaces.contains {
                    $0.partition == view.id && $0.table == RequestForms.table
                }
                guard isTable else { continue }
                led += 1
                self.addWanted(index, forms, on: machine, view.id, to: &entries)
            }
        }
        return led == self.plan.partitionsPerTable ? entries : nil
    }

    private func addWanted(
        _ index: TablePlan.Index,
        _ forms: RequestForms,
        on machine: Machine,
        _ partition: PartitionID,
        to entries: inout Entries
    ) {
        self.eachItem(on: machine, partition) { key, record, item in
            guard let entry = index.entry(of: item, hasSortKey: forms.plan.hasSortKey) else {
                return
            }
            entries[forms.keyName(stored: key)] = Entry(
                stamp: record.stamp,
                image: Item(entry).bytes
            )
        }
    }

    private func entries(
        on machine: Machine,
        _ partition: PartitionID,
        _ forms: RequestForms
    ) -> Result<Entries, EntryFault> {
        var entries: Entries = [:]
        var fault: EntryFault?
        self.eachItem(on: machine, partition) { _, record, item in
            fault = Self.add(item, record.stamp, forms, to: &entries) ?? fault
        }
        return fault.map { .failure($0) } ?? .success(entries)
    }

    /// Why the entries of an index cannot be told apart.
    private struct EntryFault: Error {
        var text: String
    }

    private static func add(
        _ entry: AttributeMap,
        _ stamp: Stamp,
        _ forms: RequestForms,
        to entries: inout Entries
    ) -> EntryFault? {
        guard let name = self.itemName(entry, forms) else {
            return EntryFault(text: "an entry has no name")
        }
        guard entries[name] == nil else {
            return EntryFault(text: "\(self.text(name)) has two entries")
        }
        entries[name] = Entry(stamp: stamp, image: Item(entry).bytes)
        return nil
    }

    // MARK: Local indexes

    /// The first thing that is wrong with the local indexes of one machine: they must follow from
    /// the items beside them at every moment.
    func localIndexFault(_ plan: TablePlan, _ forms: RequestForms, on machine: Machine) -> String? {
        let locals = plan.indexes.filter(\.kind.isLocal)
        guard !locals.isEmpty, let process = machine.process, !machine.disk.isRotten else {
            return nil
        }
        for place in process.loop.node.partitionPlaces where place.table == RequestForms.table {
            let isInstalling = process.loop.node.groupViews.contains {
                $0.id == place.partition && $0.isInstalling
            }
            guard !isInstalling else { continue }
            for (position, index) in locals.enumerated() {
                var wanted: Entries = [:]
                self.addWanted(index, forms, on: machine, place.partition, to: &wanted)
                let text: String
                switch self.localEntries(on: machine, place.partition, position + 1, forms) {
                case .success(let found) where found == wanted: continue
                case .success(let found): text = self.difference(found, wanted)
                case .failure(let fault): text = fault.text
                }
                return "index \(index.kind.rawValue) on \(self.name(machine.index)) is not what "
                    + "follows from the items beside it: \(text)"
            }
        }
        return nil
    }

    /// The entries of the local index of this number.
    private func localEntries(
        on machine: Machine,
        _ partition: PartitionID,
        _ number: Int,
        _ forms: RequestForms
    ) -> Result<Entries, EntryFault> {
        var entries: Entries = [:]
        var fault: EntryFault?
        let from = PartitionKeys.prefix(partition) + [UInt8(number)]
        let to = PartitionKeys.prefix(partition) + [UInt8(number + 1)]
        try? machine.disk.scan(.index, from: from, to: to, reverse: false) { _, value in
            guard let record = try? ItemRecord(value), let item = record.item?.unpacked() else {
                fault = EntryFault(text: "an entry cannot be read")
                return false
            }
            fault = Self.add(item, record.stamp, forms, to: &entries) ?? fault
            return fault == nil
        }
        return fault.map { .failure($0) } ?? .success(entries)
    }

    // MARK: Expired items

    /// An item that should have been removed long ago, in any region; nil when there is none.
    func overdueItem(_ plan: TablePlan, _ forms: RequestForms) -> String? {
        guard let timeToLive = plan.timeToLive else { return nil }
        let period = Int(timeToLive.period / 1_000_000_000) + 1
        let clocks = self.machines.map { Int($0.clock.now(self.now).nanoseconds / 1_000_000_000) }
        // The slowest clock decides; whoever did not write the item waits for who did.
        let latest = (clocks.min() ?? 0) - (2 * period + 30) - 2 * period - 1
        for machine in self.machines {
            for version in self.versions(on: machine) {
                guard
                    case .number(let second)? = version.record.item?.unpacked()[
                        TablePlan.Names.expiry
                    ], let expiry = second.int, expiry <= latest
                else { continue }
                return "\(Self.text(forms.keyName(stored: version.key))) on "
                    + "\(self.name(machine.index)) should have gone \(latest - expiry) s ago"
            }
        }
        return nil
    }

    // MARK: Records

    private func eachItem(
        on machine: Machine,
        _ partition: PartitionID,
        _ body: ([UInt8], ItemRecord, AttributeMap) -> Void
    ) {
        machine.disk.eachRecord(
            .item,
            from: PartitionKeys.prefix(partition),
            to: PartitionKeys.end(partition)
        ) { key, value in
            if let record = try? ItemRecord(value), let item = record.item {
                let key = Array(UnsafeRawBufferPointer(rebasing: key[8...]))
                body(key, record, item.unpacked())
            }
            return true
        }
    }

    /// The name of the item that an entry is of.
    private static func itemName(_ entry: AttributeMap, _ forms: RequestForms) -> [UInt8]? {
        let names = TablePlan.Names.self
        guard case .string(let name)? = entry[forms.plan.hasSortKey ? names.sort : names.partition]
        else { return nil }
        return name
    }

    private static func isBefore(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.lexicographicallyPrecedes(other)
    }

    private static func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }
}

extension TablePlan {
    /// The global indexes that the table is to have at a time after clients began.
    func globals(at time: Nanoseconds) -> [Index] {
        self.indexes.filter { !$0.kind.isLocal && $0.isWanted(at: time) }
    }
}
