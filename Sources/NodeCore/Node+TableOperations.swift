import Primitives

/// Operations on tables, carried out by the leader of the region's catalog.
extension Node {
    mutating func beginTableOperation(
        _ operation: Operation,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        switch operation {
        case .createTable(let request): self.create(request, origin, clocks, &effects)
        case .describeTable(let name):
            guard let table = self.catalog.table(named: name) else {
                return self.fail(origin, .tableNotFound(name), &effects)
            }
            self.succeed(origin, .table(self.description(of: table)), &effects)
        case .listTables(let request):
            self.succeed(origin, self.tableNames(request), &effects)
        case .deleteTable(let name): self.delete(name, origin, clocks, &effects)
        case .updateTable(let request): self.update(request, origin, clocks, &effects)
        case .tableOption(let operation): self.carryOut(operation, origin, clocks, &effects)
        default:
            preconditionFailure("not an operation on tables")
        }
    }

    private mutating func create(
        _ request: CreateTableRequest,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard self.catalog.position(named: request.table) == nil else {
            return self.fail(origin, .tableAlreadyExists(request.table), &effects)
        }
        guard self.catalog.tables.count < NodeLimits.tablesMax else {
            let text =
                "Subscriber limit exceeded: There is a limit of \(NodeLimits.tablesMax) tables"
            return self.fail(origin, ServiceError(.limitExceeded, text), &effects)
        }
        do throws(ServiceError) {
            let limits = AccountLimits()
            try limits.check(request.throughput, in: self.settings.regionName)
            for index in request.globals {
                try limits.check(
                    index.throughput,
                    in: self.settings.regionName,
                    index: index.name
                )
            }
        } catch {
            return self.fail(origin, error, &effects)
        }
        let isOnDemand = request.billingMode == .payPerRequest
        let settings = TableSettings(
            billingMode: request.billingMode,
            payPerRequestSince: isOnDemand ? clocks.wall : nil,
            throughput: request.throughput,
            stream: request.stream.map { StreamDescription(view: $0, enabledAt: clocks.wall) },
            tableClass: request.tableClass,
            isDeletionProtected: request.isDeletionProtected
        )
        let record = TableRecord(
            id: TableID(0),
            name: request.table,
            schema: request.schema,
            settings: settings,
            createdAt: clocks.wall,
            status: .creating,
            options: Self.options(of: request)
        )
        self.proposeToCatalog(
            .createTable(record),
            .tableOperation(origin, request.table),
            clocks,
            &effects
        )
    }

    private mutating func delete(
        _ name: String,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let table = self.catalog.table(named: name) else {
            return self.fail(origin, .tableNotFound(name), &effects)
        }
        guard !table.settings.isDeletionProtected else {
            let text =
                "Resource cannot be deleted as it is currently protected against deletion. "
                + "Disable deletion protection first."
            return self.fail(origin, .validation(text), &effects)
        }
        guard table.serves(in: self.settings.region) else {
            return self.fail(origin, .tableInUse(name, table.status), &effects)
        }
        guard table.options.globals.allSatisfy({ $0.status == .active }) else {
            return self.fail(origin, .indexesInUse, &effects)
        }
        let status = self.description(of: table).status
        guard status == .active else {
            return self.fail(origin, .tableInUse(name, status), &effects)
        }
        guard table.isGlobal, var global = table.global else {
            let isSlow = self.settings.controlPlaneDelay > 0
            self.proposeToCatalog(
                isSlow
                    ? .changeTable(table.id, [.status(.deleting)]) : .deleteTable(table.id),
                .tableOperation(origin, name),
                clocks,
                &effects
            )
            return
        }
        // Another region must know that this one leaves before the local copy goes.
        global.mark(self.settings.region, .deleting, by: self.settings.region)
        self.proposeToCatalog(
            .updateTable(table.id, nil, global, .deleting),
            .tableOperation(origin, name),
            clocks,
            &effects
        )
    }

    private mutating func update(
        _ request: UpdateTableRequest,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        guard let table = self.catalog.table(named: request.table) else {
            return self.fail(origin, .tableNotFound(request.table), &effects)
        }
        let status = self.description(of: table).status
        guard status == .active || status == .updating && request.isOfProtectionAlone else {
            return self.fail(origin, .tableInUse(request.table, status), &effects)
        }
        do throws(ServiceError) {
            let settings = try self.settings(of: table, changedBy: request, clocks)
            guard !request.replicas.isEmpty else {
                var changes = try self.optionChanges(of: table, by: request, settings, clocks)
                changes.append(.settings(settings))
                if table.isGlobal, var global = table.global {
                    global.advance(by: self.settings.region)
                    changes.append(.global(global))
                }
                self.proposeToCatalog(
                    .changeTable(table.id, changes),
                    .tableOperation(origin, request.table),
                    clocks,
                    &effects
                )
                return
            }
            let change = try self.replicaChange(of: table, request.replicas)
            guard case .create(let region) = change.kind else {
                self.proposeToCatalog(
                    .updateTable(table.id, settings, change.global, nil),
                    .tableOperation(origin, request.table),
                    clocks,
                    &effects
                )
                return
            }
            self.inquire(
                PendingReplica(
                    table: table.id,
                    name: table.name,
                    settings: settings,
                    global: change.global,
                    region: region
                ),
                origin,
                clocks,
                &effects
            )
        } catch {
            self.fail(origin, error, &effects)
        }
    }

    private func settings(
        of table: TableRecord,
        changedBy request: UpdateTableRequest,
        _ clocks: Clocks
    ) throws(ServiceError) -> TableSettings {
        var settings = table.settings
        try self.checkedThroughput(of: table, changedBy: request, &settings, clocks)
        if let tableClass = request.tableClass { settings.tableClass = tableClass }
        if let isProtected = request.isDeletionProtected {
            settings.isDeletionProtected = isProtected
        }
        switch request.stream {
        case nil: break
        case .enable(let view):
            guard settings.stream == nil else {
                throw .validation("Table already has an enabled stream: TableName: \(table.name)")
            }
            settings.stream = StreamDescription(view: view, enabledAt: clocks.wall)
        case .disable:
            guard settings.stream != nil else {
                throw .validation("Table has no stream to disable: TableName: \(table.name)")
            }
            guard !table.isGlobal else {
                throw .validation(
                    "One or more parameter values were invalid: Disabling Stream is not allowed "
                        + "for a Global Table replica."
                )
            }
            settings.stream = nil
        }
        return settings
    }

    /// What the replica updates of a request make of the table's regions.
    private func replicaChange(
        of table: TableRecord,
        _ updates: [ReplicaUpdate]
    ) throws(ServiceError) -> ReplicaChange {
        guard let update = updates.first else { preconditionFailure("there is an update") }
        guard update.region != self.settings.regionName else {
            throw .validation(
                "Cannot add, delete, or update the local region through ReplicaUpdates. "
                    + "Use CreateTable, DeleteTable, or UpdateTable as required."
            )
        }
        guard let region = self.settings.layout.region(named: update.region) else {
            throw .validation(
                "Region \(update.region) is not supported. The latest version of global tables are "
                    + "only supported in the following regions: ["
                    + self.settings.layout.regions.joined(separator: ", ") + "]"
            )
        }
        let own = self.settings.region
        var global =
            table.global ?? GlobalState(generation: 0, author: own, replicas: [])
        if global.replicas.isEmpty {
            global.replicas = [.init(region: own, status: .active, sponsor: own)]
        }
        switch update {
        case .create:
            guard !global.contains(region) else { throw Self.replicaExists(table.name) }
            global.add(.init(region: region, status: .creating, sponsor: own))
            return ReplicaChange(kind: .create(region), global: global)
        case .delete:
            guard global.contains(region) else { throw Self.replicaUnknown(update.region) }
            global.mark(region, .deleting, by: own)
            return ReplicaChange(kind: .other, global: global)
        case .update:
            guard global.contains(region) else { throw Self.replicaUnknown(update.region) }
            global.advance(by: own)
            return ReplicaChange(kind: .other, global: global)
        }
    }

    static func replicaExists(_ table: String) -> ServiceError {
        .validation(
            "Failed to create a the new replica of table with name: ‘\(table)’ because one or "
                + "more replicas already existed as tables."
        )
    }

    static func replicaUnknown(_ region: String) -> ServiceError {
        .validation(
            "Update global table operation failed because one or more replicas were not part of "
                + "the global table. Please retry the request without these replicas: [\(region)]."
        )
    }

    private func tableNames(_ request: ListTablesRequest) -> OperationResponse {
        let names = self.catalog.tables.map(\.name).sorted {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }
        let rest = request.exclusiveStart.map { start in
            names.filter { start.utf8.lexicographicallyPrecedes($0.utf8) }
        }
        let all = rest ?? names
        let page = Array(all.prefix(request.limit))
        return .tableNames(page, lastEvaluated: page.count < all.count ? page.last : nil)
    }
}

/// What one replica update does.
private struct ReplicaChange {
    enum Kind {
        case create(RegionID)
        case other
    }

    var kind: Kind
    var global: GlobalState
}

extension GlobalState {
    /// The next generation, made by `region`.
    mutating func advance(by region: RegionID) {
        self.generation += 1
        self.author = region
    }

    mutating func add(_ replica: Replica) {
        self.replicas.append(replica)
        self.replicas.sort { $0.region < $1.region }
        self.advance(by: replica.sponsor)
    }

    mutating func mark(_ region: RegionID, _ status: ReplicaStatus, by author: RegionID) {
        guard let slot = self.replicas.firstIndex(where: { $0.region == region }) else { return }
        self.replicas[slot].status = status
        self.advance(by: author)
    }

    mutating func remove(_ region: RegionID, by author: RegionID) {
        self.replicas.removeAll { $0.region == region }
        if self.replicas.count == 1 { self.replicas = [] }
        self.advance(by: author)
    }

    func status(of region: RegionID) -> ReplicaStatus? {
        self.replicas.first { $0.region == region }?.status
    }
}
