import DataModel
import NodeCore

/// `GlobalSecondaryIndexUpdates`.
struct IndexUpdateParameters {
    private enum Update {
        case create(IndexParameters)
        case update(String, CapacityParameters)
        case delete(String)

        var index: String {
            switch self {
            case .create(let index): index.name
            case .update(let name, _), .delete(let name): name
            }
        }
    }

    private let entries: [RequestTree]?

    init(_ tree: RequestTree) { self.entries = tree.structures("GlobalSecondaryIndexUpdates") }

    /// An empty list counts as no change, but may not stand beside one.
    var isEmpty: Bool { self.entries?.isEmpty ?? true }

    /// Whether an index is made or taken away.
    var changesIndexes: Bool {
        (self.entries ?? []).contains { $0.has("Create") || $0.has("Delete") }
    }

    /// Whether an index is made.
    var createsIndexes: Bool { (self.entries ?? []).contains { $0.has("Create") } }

    /// The updates; the attributes of a new index's key are those of this request.
    func updates(_ definitions: [NamedType]?) throws(ServiceError) -> [IndexUpdate] {
        let invalid = AttributeReader.invalid
        guard self.entries?.isEmpty != true else {
            throw .validation(invalid + "List of GlobalSecondaryIndexUpdates is empty")
        }
        var all: [Update] = []
        for entry in self.entries ?? [] {
            let update = try Self.update(entry)
            guard !all.contains(where: { $0.index == update.index }) else {
                throw .validation(
                    invalid + "Only one global secondary index update per index is allowed "
                        + "simultaneously. Index: \(update.index)"
                )
            }
            all.append(update)
        }
        var updates: [IndexUpdate] = []
        for update in all {
            switch update {
            case .create(let index): updates.append(.create(try Self.created(index, definitions)))
            case .update(let index, let capacity):
                try Self.check(capacity, of: index)
                updates.append(
                    .update(
                        index,
                        try capacity.throughput?.checked(),
                        capacity.onDemand,
                        capacity.warm
                    )
                )
            case .delete(let index): updates.append(.delete(index))
            }
        }
        return updates
    }

    private static func update(_ entry: RequestTree) throws(ServiceError) -> Update {
        var found: [Update] = []
        if let update = entry.structure("Update") {
            found.append(.update(update.string("IndexName") ?? "", CapacityParameters(update)))
        }
        if let create = entry.structure("Create") { found.append(.create(IndexParameters(create))) }
        if let delete = entry.structure("Delete") {
            found.append(.delete(delete.string("IndexName") ?? ""))
        }
        guard let only = found.first else {
            throw .validation(
                AttributeReader.invalid + "One of GlobalSecondaryIndexUpdate.Update, "
                    + "GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must "
                    + "not be null"
            )
        }
        guard found.count == 1 else {
            throw .validation(
                AttributeReader.invalid + "Only one global secondary index action is allowed per "
                    + "GlobalSecondaryIndexUpdate object"
            )
        }
        return only
    }

    private static func check(
        _ capacity: CapacityParameters,
        of index: String
    ) throws(ServiceError) {
        guard !capacity.hasEmptyWarm else {
            throw .validation(
                AttributeReader.invalid + "WarmThroughput must have at least one of "
                    + "ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: \(index)"
            )
        }
        try capacity.checkBounds(of: "index : \(index)", canClear: true)
    }

    private static func created(
        _ index: IndexParameters,
        _ definitions: [NamedType]?
    ) throws(ServiceError) -> IndexRecord {
        guard let definitions, !definitions.isEmpty else {
            throw .validation(
                AttributeReader.invalid + "AttributeDefinitions is not specified for index: "
                    + index.name
            )
        }
        let definition = IndexDefinition(
            name: index.name,
            keys: try index.indexKeys(definitions),
            projection: try index.projection()
        )
        try index.capacity.checkBounds(of: "index : \(index.name)", canClear: false)
        return IndexRecord(
            definition: definition,
            throughput: try index.capacity.throughput?.checked() ?? .none,
            onDemand: index.capacity.onDemand,
            warm: index.capacity.warm
        )
    }
}
