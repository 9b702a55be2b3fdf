package import Primitives

/// Changes of tables, and the indexes among them.
extension Catalog {
    /// The table and the index of this id.
    package func index(_ id: TableID) -> (table: TableRecord, index: IndexRecord)? {
        for table in self.tables where !table.options.globals.isEmpty {
            if let index = table.options.globals.first(where: { $0.id == id }) {
                return (table, index)
            }
        }
        return nil
    }

    /// Everything that has partitions: tables, each with its indexes behind it.
    var homes: [TableID] {
        self.tables.flatMap { table in [table.id] + table.options.globals.map(\.id) }
    }

    /// Gives the table's indexes ids and partitions.
    mutating func placeIndexes(of position: Int, at version: UInt64) {
        for slot in self.tables[position].options.globals.indices {
            let id = IndexRecord.id(at: version, ordinal: slot + 1)
            self.tables[position].options.globals[slot].id = id
            self.addPartitions(of: id)
        }
    }

    mutating func change(
        _ changes: [TableChange],
        of position: Int,
        at version: UInt64
    ) -> Change {
        var added: [TableID] = []
        var dropped: [PartitionID] = []
        for change in changes {
            switch change {
            case .addIndex(var index):
                guard self.tables[position].options.global(named: index.name) == nil else {
                    continue
                }
                index.id = IndexRecord.id(at: version, ordinal: added.count + 1)
                index.status = .creating
                index.isAdded = true
                added.append(index.id)
                self.tables[position].options.globals.append(index)
                self.addPartitions(of: index.id)
            case .dropIndex(let name):
                guard let index = self.tables[position].options.global(named: name) else {
                    continue
                }
                self.tables[position].options.globals.removeAll { $0.name == name }
                dropped += self.removePartitions(of: index.id)
            default: self.tables[position].apply(change)
            }
        }
        return .changed(self.tables[position].id, added: added, dropped: dropped)
    }
}

extension TableRecord {
    /// Makes a change that concerns no partitions.
    fileprivate mutating func apply(_ change: TableChange) {
        switch change {
        case .settings(let settings): self.settings = settings
        case .global(let global):
            if global.isNewer(than: self.global) { self.global = global }
        case .status(let status): self.status = status
        case .indexStatus(let name, let status):
            guard let slot = self.options.globals.firstIndex(where: { $0.name == name }) else {
                return
            }
            self.options.globals[slot].status = status
        case .indexThroughput(let name, let throughput, let onDemand, let warm):
            guard let slot = self.options.globals.firstIndex(where: { $0.name == name }) else {
                return
            }
            self.options.globals[slot].throughput = throughput
            self.options.globals[slot].onDemand = onDemand
            self.options.globals[slot].warm = warm
        case .timeToLive(let timeToLive): self.options.timeToLive = timeToLive
        case .onDemand(let onDemand): self.options.onDemand = onDemand
        case .warm(let warm): self.options.warm = warm
        case .encryption(let encryption): self.options.encryption = encryption
        case .throughputDates(let dates): self.options.throughputDates = dates
        case .tags(let tags): self.options.tags = tags
        case .policy(let policy): self.options.policy = policy
        case .addIndex, .dropIndex: preconditionFailure("indexes change the partition map")
        }
    }
}
