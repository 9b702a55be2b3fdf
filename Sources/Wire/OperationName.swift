/// The operations that this version knows, by their names on the wire.
package enum OperationName: String, CaseIterable, Sendable {
    case createTable = "CreateTable"
    case describeTable = "DescribeTable"
    case listTables = "ListTables"
    case deleteTable = "DeleteTable"
    case updateTable = "UpdateTable"
    case putItem = "PutItem"
    case getItem = "GetItem"
    case updateItem = "UpdateItem"
    case deleteItem = "DeleteItem"
    case query = "Query"
    case scan = "Scan"
    case batchGetItem = "BatchGetItem"
    case batchWriteItem = "BatchWriteItem"
    case tagResource = "TagResource"
    case untagResource = "UntagResource"
    case listTagsOfResource = "ListTagsOfResource"
    case putResourcePolicy = "PutResourcePolicy"
    case getResourcePolicy = "GetResourcePolicy"
    case deleteResourcePolicy = "DeleteResourcePolicy"
    case updateTimeToLive = "UpdateTimeToLive"
    case describeTimeToLive = "DescribeTimeToLive"
    case describeLimits = "DescribeLimits"
    case describeEndpoints = "DescribeEndpoints"

    /// `X-Amz-Target` up to and including the dot.
    package static let targetPrefix = "DynamoDB_20120810."

    /// Reads `X-Amz-Target`; nil for an operation or service that this version does not know.
    package init?(target: ArraySlice<UInt8>) {
        guard target.starts(with: Self.targetPrefix.utf8) else { return nil }
        let name = target.dropFirst(Self.targetPrefix.utf8.count)
        guard let match = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name) })
        else { return nil }
        self = match
    }
}
