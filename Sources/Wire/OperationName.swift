import DataModel

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
        for index in Self.targets.indices where Self.targets[index].text.count == target.count {
            let isEqual = target.withUnsafeBytes { target in
                Self.targets[index].text.withUnsafeBytes { ByteOrder.areEqual($0, target) }
            }
            guard isEqual else { continue }
            self = Self.targets[index].name
            return
        }
        return nil
    }

    /// `X-Amz-Target` of each operation.
    private static let targets: [(text: [UInt8], name: OperationName)] = Self.allCases.map {
        (Array((Self.targetPrefix + $0.rawValue).utf8), $0)
    }
}
