import DataModel
import NodeCore
import Primitives

/// What a table description says of indexes and throughput.
extension ResponseEncoder {
    static func writeIndexes(
        _ table: TableDescription,
        arn: String,
        to writer: inout JSONWriter
    ) {
        for (name, indexes) in [
            ("LocalSecondaryIndexes", table.locals), ("GlobalSecondaryIndexes", table.globals),
        ] where !indexes.isEmpty {
            writer.name(name)
            writer.beginArray()
            for index in indexes { self.write(index, arn: arn, to: &writer) }
            writer.endArray()
        }
    }

    private static func write(
        _ index: IndexDescription,
        arn: String,
        to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.name("IndexName")
        writer.string(index.definition.name)
        writer.name("KeySchema")
        writer.beginArray()
        for (type, attributes) in [
            ("HASH", index.definition.keys.partition), ("RANGE", index.definition.keys.sort),
        ] {
            for attribute in attributes {
                writer.beginObject()
                writer.name("AttributeName")
                writer.string(attribute.name)
                writer.name("KeyType")
                writer.string(type)
                writer.endObject()
            }
        }
        writer.endArray()
        self.write(index.definition.projection, to: &writer)
        if let status = index.status {
            writer.name("IndexStatus")
            writer.string(self.name(of: status))
            if let isBackfilling = index.isBackfilling {
                writer.name("Backfilling")
                writer.bool(isBackfilling)
            }
            self.write(index.throughput, ThroughputDates(), to: &writer)
            if let onDemand = index.onDemand { self.write(onDemand, to: &writer) }
            if let warm = index.warm { self.write(warm, status: "ACTIVE", to: &writer) }
        }
        writer.name("IndexSizeBytes")
        writer.integer(index.sizeBytes)
        writer.name("ItemCount")
        writer.integer(index.itemCount)
        writer.name("IndexArn")
        writer.string("\(arn)/index/\(index.definition.name)")
        writer.endObject()
    }

    private static func write(_ projection: IndexProjection, to writer: inout JSONWriter) {
        writer.name("Projection")
        writer.beginObject()
        writer.name("ProjectionType")
        switch projection {
        case .all: writer.string("ALL")
        case .keysOnly: writer.string("KEYS_ONLY")
        case .include(let names):
            writer.string("INCLUDE")
            writer.name("NonKeyAttributes")
            writer.beginArray()
            for name in names { writer.string(name) }
            writer.endArray()
        }
        writer.endObject()
    }

    static func write(
        _ throughput: ProvisionedThroughput,
        _ dates: ThroughputDates,
        to writer: inout JSONWriter
    ) {
        writer.name("ProvisionedThroughput")
        writer.beginObject()
        if let time = dates.increasedAt {
            writer.name("LastIncreaseDateTime")
            writer.number(Timestamp.seconds(time))
        }
        if let time = dates.decreasedAt {
            writer.name("LastDecreaseDateTime")
            writer.number(Timestamp.seconds(time))
        }
        writer.name("NumberOfDecreasesToday")
        writer.integer(dates.decreases)
        writer.name("ReadCapacityUnits")
        writer.integer(throughput.readUnits)
        writer.name("WriteCapacityUnits")
        writer.integer(throughput.writeUnits)
        writer.endObject()
    }

    static func write(_ onDemand: OnDemandThroughput, to writer: inout JSONWriter) {
        writer.name("OnDemandThroughput")
        writer.beginObject()
        writer.name("MaxReadRequestUnits")
        writer.integer(onDemand.readUnitsMax ?? -1)
        writer.name("MaxWriteRequestUnits")
        writer.integer(onDemand.writeUnitsMax ?? -1)
        writer.endObject()
    }

    static func write(
        _ warm: WarmThroughput,
        status: StaticString,
        to writer: inout JSONWriter
    ) {
        writer.name("WarmThroughput")
        writer.beginObject()
        writer.name("ReadUnitsPerSecond")
        writer.integer(warm.readUnits)
        writer.name("WriteUnitsPerSecond")
        writer.integer(warm.writeUnits)
        writer.name("Status")
        writer.string("\(status)")
        writer.endObject()
    }

    static func write(
        _ encryption: Encryption,
        _ table: TableDescription,
        to writer: inout JSONWriter
    ) {
        guard encryption.isEnabled else { return }
        writer.name("SSEDescription")
        writer.beginObject()
        writer.name("Status")
        writer.string("ENABLED")
        writer.name("SSEType")
        writer.string("KMS")
        writer.name("KMSMasterKeyArn")
        let key = encryption.key ?? "alias/aws/dynamodb"
        let isWhole = key.utf8.starts(with: "arn:".utf8)
        let kind = key.utf8.starts(with: "alias/".utf8) ? "" : "key/"
        writer.string(
            isWhole ? key : "arn:aws:kms:\(table.region):\(table.accountID):\(kind)\(key)"
        )
        writer.endObject()
    }

    private static func name(of status: IndexStatus) -> String {
        switch status {
        case .creating: "CREATING"
        case .updating: "UPDATING"
        case .deleting: "DELETING"
        case .active: "ACTIVE"
        }
    }

    /// `SizeEstimateRangeGB` is the half of a GB that the size lies in.
    static func write(_ collection: ItemCollectionSize, to writer: inout JSONWriter) {
        writer.name("ItemCollectionMetrics")
        self.writeObject(collection, to: &writer)
    }

    static func writeObject(_ collection: ItemCollectionSize, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("ItemCollectionKey")
        writer.item(collection.key)
        writer.name("SizeEstimateRangeGB")
        writer.beginArray()
        let halves = collection.bytes >> 29
        for bound in [halves, halves + 1] {
            writer.number("\(bound / 2).\(bound % 2 == 0 ? "0" : "5")")
        }
        writer.endArray()
        writer.endObject()
    }

    // MARK: Capacity

    static func writeShares(_ consumed: ConsumedCapacity, to writer: inout JSONWriter) {
        if consumed.tellsTableApart {
            writer.name("Table")
            self.writeUnits(consumed.tableHalfUnits ?? consumed.halfUnits, to: &writer)
        }
        for (name, shares) in [
            ("LocalSecondaryIndexes", consumed.locals),
            ("GlobalSecondaryIndexes", consumed.globals),
        ] where !shares.isEmpty {
            writer.name(name)
            writer.beginObject()
            for share in shares {
                writer.name(share.index)
                self.writeUnits(share.halfUnits, to: &writer)
            }
            writer.endObject()
        }
    }

    private static func writeUnits(_ halfUnits: Int, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("CapacityUnits")
        writer.number("\(halfUnits / 2).\(halfUnits % 2 == 0 ? "0" : "5")")
        writer.endObject()
    }
}
