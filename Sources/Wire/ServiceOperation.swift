/// An operation of the service's model, and what it does here.
///
/// The list is the model's (botocore 1.44.5): 62 operations of DynamoDB and 4 of DynamoDB Streams.
/// `atoll operations` prints it, and docs/OPERATIONS.md is that print.
package struct ServiceOperation: Equatable, Sendable {
    /// How much of the operation there is.
    package enum Support: String, Sendable {
        case whole
        /// Some parameters or effects are missing; the note says which.
        case partial
        /// `UnknownOperationException`.
        case none
    }

    package var name: String
    package var area: String
    package var support: Support
    package var note: String

    private init(_ name: String, _ area: String, _ support: Support = .none, _ note: String = "") {
        self.name = name
        self.area = area
        self.support = support
        self.note = note
    }

    /// Sorted by area, then as the documentation lists them.
    package static let all: [ServiceOperation] =
        items + tables + others + streams

    private static let items: [ServiceOperation] = [
        .init("GetItem", "items", .whole, "strong reads by the leader, eventual ones by any node"),
        .init("PutItem", "items", .whole, "conditions as expressions or `Expected`"),
        .init("UpdateItem", "items", .whole, "update expressions or `AttributeUpdates`"),
        .init("DeleteItem", "items", .whole, "conditions as expressions or `Expected`"),
        .init("BatchGetItem", "items", .whole, "up to 100 keys and 16 MB; the rest unprocessed"),
        .init("BatchWriteItem", "items", .whole, "up to 25 writes; not atomic"),
        .init("Query", "items", .whole, "tables, local and global indexes"),
        .init("Scan", "items", .whole, "tables and indexes; parallel segments"),
        .init("TransactGetItems", "transactions"),
        .init("TransactWriteItems", "transactions"),
        .init("ExecuteStatement", "PartiQL"),
        .init("BatchExecuteStatement", "PartiQL"),
        .init("ExecuteTransaction", "PartiQL"),
        .init("SearchVectors", "vectors"),
    ]

    private static let tables: [ServiceOperation] = [
        .init("CreateTable", "tables", .partial, "no vector indexes"),
        .init(
            "UpdateTable",
            "tables",
            .partial,
            "settings, replicas, global indexes one at a time"
        ),
        .init("DeleteTable", "tables", .whole, "refused under deletion protection"),
        .init("DescribeTable", "tables", .whole, "what CreateTable takes, counts of the moment"),
        .init("ListTables", "tables", .whole, "pages of up to 100 names"),
        .init("DescribeLimits", "tables", .whole, "the service's default quotas"),
        .init("DescribeEndpoints", "tables", .whole, "the address that was asked"),
        .init("UpdateTimeToLive", "tables", .whole, "leaders sweep; see `ttl-sweep`"),
        .init("DescribeTimeToLive", "tables", .whole, "of the moment"),
        .init("TagResource", "tables", .whole, "of tables"),
        .init("UntagResource", "tables", .whole, "of tables"),
        .init("ListTagsOfResource", "tables", .whole, "of tables"),
        .init("PutResourcePolicy", "tables", .partial, "of tables; kept, not enforced"),
        .init("GetResourcePolicy", "tables", .partial, "of tables; kept, not enforced"),
        .init("DeleteResourcePolicy", "tables", .partial, "of tables; kept, not enforced"),
        .init("DescribeTableReplicaAutoScaling", "global tables"),
        .init("UpdateTableReplicaAutoScaling", "global tables"),
        .init("CreateGlobalTable", "global tables of 2017"),
        .init("UpdateGlobalTable", "global tables of 2017"),
        .init("DescribeGlobalTable", "global tables of 2017"),
        .init("ListGlobalTables", "global tables of 2017"),
        .init("DescribeGlobalTableSettings", "global tables of 2017"),
        .init("UpdateGlobalTableSettings", "global tables of 2017"),
    ]

    private static let others: [ServiceOperation] = [
        .init("CreateBackup", "backups"),
        .init("DeleteBackup", "backups"),
        .init("DescribeBackup", "backups"),
        .init("ListBackups", "backups"),
        .init("RestoreTableFromBackup", "backups"),
        .init("DescribeContinuousBackups", "backups"),
        .init("UpdateContinuousBackups", "backups"),
        .init("RestoreTableToPointInTime", "backups"),
        .init("ExportTableToPointInTime", "exports and imports"),
        .init("DescribeExport", "exports and imports"),
        .init("ListExports", "exports and imports"),
        .init("ImportTable", "exports and imports"),
        .init("DescribeImport", "exports and imports"),
        .init("ListImports", "exports and imports"),
        .init("StartBulkPutItems", "bulk operations"),
        .init("DescribeBulkOperation", "bulk operations"),
        .init("ListBulkOperations", "bulk operations"),
        .init("CancelBulkOperation", "bulk operations"),
        .init("EnableKinesisStreamingDestination", "Kinesis"),
        .init("DisableKinesisStreamingDestination", "Kinesis"),
        .init("DescribeKinesisStreamingDestination", "Kinesis"),
        .init("UpdateKinesisStreamingDestination", "Kinesis"),
        .init("DescribeContributorInsights", "insights"),
        .init("ListContributorInsights", "insights"),
        .init("UpdateContributorInsights", "insights"),
    ]

    private static let streams: [ServiceOperation] = [
        .init("ListStreams", "streams"),
        .init("DescribeStream", "streams"),
        .init("GetShardIterator", "streams"),
        .init("GetRecords", "streams"),
    ]

    /// The page docs/OPERATIONS.md.
    package static var markdown: String {
        let here = self.all.filter { $0.support != .none }.count
        var text = """
            # Operations

            Every operation of the service's model, and what it does here: \(here) of \
            \(self.all.count) are here, the others
            answer `UnknownOperationException`. `atoll operations --markdown` prints this page.

            | operation | area | here | |
            |---|---|---|---|

            """
        for operation in self.all {
            let support =
                switch operation.support {
                case .whole: "yes"
                case .partial: "partly"
                case .none: "no"
                }
            text += "| \(operation.name) | \(operation.area) | \(support) | \(operation.note) |\n"
        }
        return text
    }
}
