import DataModel
import Placement
import Primitives
import Tables

/// What CreateTable, UpdateTable and other regions do to a table's indexes.
extension Node {
    /// Checks what a table would have and makes its options.
    static func options(of request: CreateTableRequest) -> TableOptions {
        var options = TableOptions()
        options.locals = request.locals
        options.globals = request.globals
        options.onDemand = request.onDemand
        options.warm = request.warm
        options.encryption = request.encryption
        options.tags = request.tags
        options.policy = request.policy.map { ResourcePolicy(text: $0, revision: 1) }
        return options
    }

    /// The changes of an UpdateTable beside settings and regions.
    func optionChanges(
        of table: TableRecord,
        by request: UpdateTableRequest,
        _ settings: TableSettings,
        _ clocks: Clocks
    ) throws(ServiceError) -> [TableChange] {
        var changes = try self.throughputChanges(of: table, by: request, settings)
        changes += try self.indexChanges(of: table, by: request, settings)
        if let onDemand = request.onDemand {
            guard settings.billingMode == .payPerRequest else { throw .boundsProvisioned }
            changes.append(.onDemand(onDemand.isEmpty ? nil : onDemand))
        }
        if let warm = request.warm {
            changes.append(.warm(try table.warmThroughput.raised(to: warm, of: "table")))
        }
        if let encryption = request.encryption {
            changes.append(.encryption(try Self.encryption(of: table, changedTo: encryption)))
        }
        if settings.throughput != table.settings.throughput {
            changes.append(
                .throughputDates(
                    table.options.throughputDates.changed(
                        from: table.settings.throughput,
                        to: settings.throughput,
                        at: clocks.wall
                    )
                )
            )
        }
        if self.settings.controlPlaneDelay > 0, !request.isOfProtectionAlone,
            !changes.isEmpty || settings != table.settings
        {
            changes.append(.status(.updating))
        }
        return changes
    }

    private static func encryption(
        of table: TableRecord,
        changedTo encryption: Encryption
    ) throws(ServiceError) -> Encryption? {
        let invalid = "One or more parameter values were invalid: "
        guard encryption.isEnabled else {
            guard table.options.encryption != nil else {
                throw .validation(invalid + "Table is already encrypted by default")
            }
            return nil
        }
        if let key = encryption.key, key.utf8.starts(with: "arn:".utf8),
            key == table.options.encryption?.key
        {
            throw .validation(
                invalid + "Table is already encrypted with given KMSMasterKeyId. Use "
                    + "KMSMasterKeyId parameter if you want to change Master Key"
            )
        }
        return encryption
    }

    private func indexChanges(
        of table: TableRecord,
        by request: UpdateTableRequest,
        _ settings: TableSettings
    ) throws(ServiceError) -> [TableChange] {
        var changes: [TableChange] = []
        var online = table.options.globals.count {
            $0.status == .creating || $0.status == .deleting
        }
        for update in request.indexUpdates {
            switch update {
            case .create(let index):
                online += 1
                try self.check(index, of: table, settings.billingMode, online)
                changes.append(.addIndex(index))
            case .delete(let name):
                online += 1
                guard let index = table.options.global(named: name) else {
                    throw Self.unknownIndex(name, of: table, "delete")
                }
                guard online == 1 || online == 2 && index.status == .creating else {
                    throw .onlineIndexes
                }
                changes.append(.indexStatus(name, .deleting))
            case .update(let name, let throughput, let onDemand, let warm):
                guard let index = table.options.global(named: name) else {
                    throw Self.unknownIndex(name, of: table, "update")
                }
                changes.append(
                    try self.throughputChange(
                        of: index,
                        in: table,
                        settings.billingMode,
                        throughput,
                        onDemand,
                        warm
                    )
                )
            }
        }
        return changes
    }

    private static func unknownIndex(
        _ name: String,
        of table: TableRecord,
        _ verb: String
    ) -> ServiceError {
        table.options.local(named: name) == nil
            ? .indexNotFound(name, table.name)
            : .validation("Cannot \(verb) an index that is not a GlobalSecondaryIndex: \(name)")
    }

    private func check(
        _ index: IndexRecord,
        of table: TableRecord,
        _ mode: BillingMode,
        _ online: Int
    ) throws(ServiceError) {
        let options = table.options
        guard options.global(named: index.name) == nil, options.local(named: index.name) == nil
        else { throw .validation("Attempting to create an index which already exists") }
        guard online == 1 else { throw .onlineIndexes }
        guard options.globals.count < NodeLimits.globalIndexesMax else {
            throw ServiceError(
                .limitExceeded,
                "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table "
                    + "limit of \(NodeLimits.globalIndexesMax)"
            )
        }
        let known =
            table.schema.attributes + options.locals.flatMap(\.keys.attributes)
            + options.globals.flatMap(\.definition.keys.attributes)
        for attribute in index.definition.keys.attributes
        where known.contains(where: { $0.name == attribute.name && $0.type != attribute.type }) {
            throw .validation(
                "One or more parameter values were invalid: The type of attribute "
                    + "\(String(decoding: attribute.name, as: UTF8.self)) differs from that of "
                    + "another key"
            )
        }
        let isOnDemand = mode == .payPerRequest
        guard isOnDemand == (index.throughput == .none) else {
            let text =
                isOnDemand
                ? "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: "
                    + "\(index.name) when BillingMode is PAY_PER_REQUEST"
                : "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: "
                    + index.name
            throw .validation("One or more parameter values were invalid: " + text)
        }
        try AccountLimits().check(
            index.throughput,
            in: self.settings.regionName,
            index: index.name
        )
    }

    /// What another region's newer copy of a global table changes here.
    func adoptedChanges(
        _ record: TableRecord,
        _ global: GlobalState,
        to table: TableRecord
    ) -> [TableChange] {
        var settings = record.settings
        settings.isDeletionProtected = table.settings.isDeletionProtected
        var changes: [TableChange] = [.settings(settings), .global(global)]
        let theirs = record.options
        let own = table.options
        for index in theirs.globals
        where index.status != .deleting && own.global(named: index.name) == nil {
            changes.append(.addIndex(index))
        }
        for index in own.globals where index.status != .deleting {
            guard let other = theirs.global(named: index.name), other.status != .deleting else {
                changes.append(.indexStatus(index.name, .deleting))
                continue
            }
            let isSame =
                other.throughput == index.throughput && other.onDemand == index.onDemand
                && other.warm == index.warm
            guard !isSame else { continue }
            changes.append(
                .indexThroughput(index.name, other.throughput, other.onDemand, other.warm)
            )
        }
        if own.onDemand != theirs.onDemand { changes.append(.onDemand(theirs.onDemand)) }
        if own.warm != theirs.warm { changes.append(.warm(theirs.warm)) }
        if own.encryption != theirs.encryption { changes.append(.encryption(theirs.encryption)) }
        if let change = Self.timeToLiveChange(from: own.timeToLive, to: theirs.timeToLive) {
            changes.append(.timeToLive(change))
        }
        return changes
    }

    private static func timeToLiveChange(
        from own: TimeToLive?,
        to theirs: TimeToLive?
    ) -> TimeToLive? {
        let isOwn = own.map { $0.status == .enabled || $0.status == .enabling } ?? false
        let isTheirs = theirs.map { $0.status == .enabled || $0.status == .enabling } ?? false
        if isTheirs, let theirs, !isOwn || own?.attribute != theirs.attribute {
            return TimeToLive(attribute: theirs.attribute, status: .enabling)
        }
        if isOwn, !isTheirs, let own {
            return TimeToLive(attribute: own.attribute, status: .disabling)
        }
        return nil
    }

    // MARK: Descriptions

    /// Adds what a table has beside its key and settings.
    func describe(_ table: TableRecord, in description: inout TableDescription) {
        let options = table.options
        description.attributes = table.keyAttributes
        description.onDemand = options.onDemand
        description.encryption = options.encryption
        description.throughputDates = options.throughputDates
        description.warm = table.warmThroughput
        description.policyRevision = options.policy?.revision
        description.locals = options.locals.map { IndexDescription($0) }
        description.globals = options.globals.map { index in
            var shown = IndexDescription(index.definition)
            shown.status = index.status
            shown.throughput = index.throughput
            shown.onDemand = index.onDemand
            shown.warm = table.settings.warm(index.warm, index.throughput)
            if index.status == .creating, index.isAdded {
                shown.isBackfilling = self.isAllocated(index)
            }
            for partition in self.catalog.partitions(of: index.id) {
                guard let slot = self.slot(of: partition.id),
                    let local = self.groups[slot]?.partition
                else { continue }
                shown.itemCount += local.itemCount
                shown.sizeBytes += local.sizeBytes
            }
            return shown
        }
        for partition in self.catalog.partitions(of: table.id) {
            guard let slot = self.slot(of: partition.id),
                let local = self.groups[slot]?.partition
            else { continue }
            for (position, counts) in local.localCounts.enumerated() {
                description.locals[position].itemCount += counts.items
                description.locals[position].sizeBytes += counts.bytes
            }
        }
        // Until its partitions are there an index keeps other changes out.
        let isAllocating = options.globals.contains { index in
            index.isAdded && index.status == .creating && !self.isAllocated(index)
                || index.status == .deleting
        }
        if isAllocating, description.status == .active { description.status = .updating }
    }
}

extension TableRecord {
    /// `AttributeDefinitions`: the key attributes of the table and of its indexes, each once and
    /// by name, as the service lists them.
    var keyAttributes: [KeyAttribute] {
        var all = self.schema.attributes
        let others =
            self.options.locals.flatMap(\.keys.attributes)
            + self.options.globals.flatMap(\.definition.keys.attributes)
        for attribute in others where !all.contains(where: { $0.name == attribute.name }) {
            all.append(attribute)
        }
        return all.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// What the table takes at once: what was asked for, else what its mode gives.
    var warmThroughput: WarmThroughput {
        self.settings.warm(self.options.warm, self.settings.throughput)
    }
}

extension TableSettings {
    /// Warm throughput without having asked for any: that of a new on-demand table, or what is
    /// provisioned.
    func leastWarm(_ throughput: ProvisionedThroughput) -> WarmThroughput {
        self.billingMode == .payPerRequest
            ? .newOnDemand
            : WarmThroughput(readUnits: throughput.readUnits, writeUnits: throughput.writeUnits)
    }

    /// What was asked for, as far as it is more.
    func warm(_ asked: WarmThroughput?, _ throughput: ProvisionedThroughput) -> WarmThroughput {
        let least = self.leastWarm(throughput)
        return WarmThroughput(
            readUnits: max(asked?.readUnits ?? 0, least.readUnits),
            writeUnits: max(asked?.writeUnits ?? 0, least.writeUnits)
        )
    }
}

extension ThroughputDates {
    /// The dates after a change of throughput.
    func changed(
        from old: ProvisionedThroughput,
        to new: ProvisionedThroughput,
        at time: WallTime
    ) -> ThroughputDates {
        var dates = self
        if new.readUnits > old.readUnits || new.writeUnits > old.writeUnits {
            dates.increasedAt = time
        }
        guard new.readUnits < old.readUnits || new.writeUnits < old.writeUnits, new != .none else {
            return dates
        }
        let day: UInt64 = 86_400_000_000_000
        let isSameDay = self.decreasedAt.map {
            $0.nanoseconds / day == time.nanoseconds / day
        }
        dates.decreases = isSameDay == true ? self.decreases + 1 : 1
        dates.decreasedAt = time
        return dates
    }
}

extension ServiceError {
    static let boundsProvisioned = ServiceError.validation(
        "One or more parameter values were invalid: MaxReadRequestUnits for OnDemandThroughput "
            + "cannot be specified when the table BillingMode is PROVISIONED"
    )

    static let onlineIndexes = ServiceError(
        .limitExceeded,
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously "
            + "per table"
    )

    static func indexNotFound(_ index: String, _ table: String) -> ServiceError {
        ServiceError(
            .resourceNotFound,
            "Requested resource not found: Index: \(index) of table: \(table) not found"
        )
    }
}
