import DataModel
import NodeCore
import Primitives

/// Table descriptions.
extension ResponseEncoder {
    /// The version of global tables that this follows.
    private static let globalTableVersion = "2019.11.21"

    /// Keys, indexes and date are left out of the answer to DeleteTable (ScyllaDB's
    /// `test/alternator`, run against the service).
    static func write(
        _ table: TableDescription,
        hasDefinition: Bool = true,
        to writer: inout JSONWriter
    ) {
        let arn = "arn:aws:dynamodb:\(table.region):\(table.accountID):table/\(table.table)"
        writer.beginObject()
        if hasDefinition { self.writeKeys(table, to: &writer) }
        writer.name("TableName")
        writer.string(table.table)
        writer.name("TableStatus")
        writer.string(self.name(of: table.status))
        if hasDefinition {
            writer.name("CreationDateTime")
            writer.number(Timestamp.seconds(table.createdAt))
        }
        writer.name("ItemCount")
        writer.integer(table.itemCount)
        writer.name("TableSizeBytes")
        writer.integer(table.sizeBytes)
        writer.name("TableArn")
        writer.string(arn)
        writer.name("TableId")
        writer.string(self.uuid(table.id))
        self.writeThroughput(table, to: &writer)
        writer.name("DeletionProtectionEnabled")
        writer.bool(table.isDeletionProtected)
        if let tableClass = table.tableClass {
            self.write(tableClass, as: "TableClassSummary", to: &writer)
        }
        if hasDefinition { self.writeIndexes(table, arn: arn, to: &writer) }
        if let onDemand = table.onDemand { self.write(onDemand, to: &writer) }
        if let warm = table.warm { self.write(warm, status: "ACTIVE", to: &writer) }
        if let encryption = table.encryption { self.write(encryption, table, to: &writer) }
        if let stream = table.stream { self.write(stream, arn: arn, to: &writer) }
        if !table.replicas.isEmpty { self.writeReplicas(table, to: &writer) }
        writer.endObject()
    }

    private static func writeKeys(_ table: TableDescription, to writer: inout JSONWriter) {
        let keys = table.schema.attributes
        writer.name("AttributeDefinitions")
        writer.beginArray()
        for key in table.attributes.isEmpty ? keys : table.attributes {
            writer.beginObject()
            writer.name("AttributeName")
            writer.string(key.name)
            writer.name("AttributeType")
            writer.string(key.type.attributeType.code)
            writer.endObject()
        }
        writer.endArray()
        writer.name("KeySchema")
        writer.beginArray()
        for (index, key) in keys.enumerated() {
            writer.beginObject()
            writer.name("AttributeName")
            writer.string(key.name)
            writer.name("KeyType")
            writer.string(index == 0 ? "HASH" : "RANGE")
            writer.endObject()
        }
        writer.endArray()
    }

    private static func writeThroughput(_ table: TableDescription, to writer: inout JSONWriter) {
        self.write(table.throughput, table.throughputDates, to: &writer)
        guard table.billingMode == .payPerRequest || table.payPerRequestSince != nil else {
            return
        }
        writer.name("BillingModeSummary")
        writer.beginObject()
        writer.name("BillingMode")
        writer.string(Choices.billingMode.name(of: table.billingMode))
        if let since = table.payPerRequestSince {
            writer.name("LastUpdateToPayPerRequestDateTime")
            writer.number(Timestamp.seconds(since))
        }
        writer.endObject()
    }

    private static func write(
        _ tableClass: TableClass,
        as name: StaticString,
        to writer: inout JSONWriter
    ) {
        writer.name(name)
        writer.beginObject()
        writer.name("TableClass")
        writer.string(Choices.tableClass.name(of: tableClass))
        writer.endObject()
    }

    private static func write(
        _ stream: StreamDescription,
        arn: String,
        to writer: inout JSONWriter
    ) {
        let label = Timestamp.label(stream.enabledAt)
        writer.name("StreamSpecification")
        writer.beginObject()
        writer.name("StreamEnabled")
        writer.bool(true)
        writer.name("StreamViewType")
        writer.string(Choices.streamView.name(of: stream.view))
        writer.endObject()
        writer.name("LatestStreamLabel")
        writer.string(label)
        writer.name("LatestStreamArn")
        writer.string("\(arn)/stream/\(label)")
    }

    private static func writeReplicas(_ table: TableDescription, to writer: inout JSONWriter) {
        writer.name("GlobalTableVersion")
        writer.string(self.globalTableVersion)
        writer.name("Replicas")
        writer.beginArray()
        for replica in table.replicas {
            writer.beginObject()
            writer.name("RegionName")
            writer.string(replica.region)
            writer.name("ReplicaStatus")
            writer.string(self.name(of: replica.status))
            writer.name("ReplicaArn")
            writer.string(
                "arn:aws:dynamodb:\(replica.region):\(table.accountID):table/\(table.table)"
            )
            if let text = replica.statusDescription {
                writer.name("ReplicaStatusDescription")
                writer.string(text)
            }
            if let percent = replica.progressPercent {
                writer.name("ReplicaStatusPercentProgress")
                writer.string(String(percent))
            }
            if let tableClass = replica.tableClass {
                self.write(tableClass, as: "ReplicaTableClassSummary", to: &writer)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private static func name(of status: TableStatus) -> String {
        switch status {
        case .creating: "CREATING"
        case .updating: "UPDATING"
        case .deleting: "DELETING"
        case .active: "ACTIVE"
        }
    }

    private static func name(of status: ReplicaStatus) -> String {
        switch status {
        case .creating: "CREATING"
        case .creationFailed: "CREATION_FAILED"
        case .updating: "UPDATING"
        case .deleting: "DELETING"
        case .active: "ACTIVE"
        case .regionDisabled: "REGION_DISABLED"
        }
    }

    /// `00000000-0000-0000-0000-000000000000`.
    private static func uuid(_ id: TableUUID) -> String {
        var text: [UInt8] = []
        for index in 0..<32 {
            if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
            let word = index < 16 ? id.high : id.low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - index % 16 * 4) & 15)
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Times as responses show them.
enum Timestamp {
    /// Seconds since 1970 with milliseconds: `1421866952.062`.
    static func seconds(_ time: WallTime) -> String {
        let milliseconds = time.nanoseconds / 1_000_000
        return "\(milliseconds / 1_000).\(self.padded(milliseconds % 1_000, 3))"
    }

    /// A stream's label: `2015-05-11T21:21:33.291`.
    static func label(_ time: WallTime) -> String {
        let milliseconds = time.nanoseconds / 1_000_000
        let seconds = milliseconds / 1_000
        let (year, month, day) = self.date(day: seconds / 86_400)
        let second = seconds % 86_400
        return "\(self.padded(year, 4))-\(self.padded(month, 2))-\(self.padded(day, 2))T"
            + "\(self.padded(second / 3_600, 2)):\(self.padded(second / 60 % 60, 2)):"
            + "\(self.padded(second % 60, 2)).\(self.padded(milliseconds % 1_000, 3))"
    }

    /// The date of a day counted from 1970-01-01, in the Gregorian calendar.
    ///
    /// Years are counted from March, so that the leap day is the last one, in eras of 400 years
    /// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func date(day: UInt64) -> (year: UInt64, month: UInt64, day: UInt64) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func padded(_ value: UInt64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
