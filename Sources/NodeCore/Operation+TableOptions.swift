package import DataModel

/// What a request names by an ARN.
package struct ResourceName: Equatable, Sendable {
    /// As the request has it.
    package var arn: String
    package var partition: String
    package var region: String
    package var account: String
    package var table: String
    /// Behind the table's name: `stream/…`.
    package var rest: String?

    package init(
        arn: String,
        partition: String,
        region: String,
        account: String,
        table: String,
        rest: String? = nil
    ) {
        self.arn = arn
        self.partition = partition
        self.region = region
        self.account = account
        self.table = table
        self.rest = rest
    }
}

/// Operations on what a table has beside its items: tags, its policy, its time to live.
package enum TableOptionOperation: Equatable, Sendable {
    case tag(ResourceName, [Tag])
    case untag(ResourceName, keys: [String])
    case listTags(ResourceName, after: String?)
    /// Only while the policy has the expected revision; `NO_POLICY` stands for none.
    case putPolicy(ResourceName, text: String, expected: String?)
    case getPolicy(ResourceName)
    case deletePolicy(ResourceName, expected: String?)
    case updateTimeToLive(table: String, attribute: [UInt8], isEnabled: Bool)
    case describeTimeToLive(table: String)

    package var isRead: Bool {
        switch self {
        case .listTags, .getPolicy, .describeTimeToLive: true
        case .tag, .untag, .putPolicy, .deletePolicy, .updateTimeToLive: false
        }
    }
}

/// The answer to a ``TableOptionOperation``.
package enum TableOptionResponse: Equatable, Sendable {
    /// Nothing to tell.
    case done
    case tags([Tag], next: String?)
    /// The policy's text, where it was asked for, and its revision; nil when there is none.
    case policy(text: String?, revision: UInt64?)
    /// `UpdateTimeToLive`.
    case timeToLiveChanged(attribute: [UInt8], isEnabled: Bool)
    case timeToLive(TimeToLive?)
}

/// One entry of `GlobalSecondaryIndexUpdates`.
package enum IndexUpdate: Equatable, Sendable {
    case create(IndexRecord)
    case update(String, ProvisionedThroughput?, OnDemandThroughput?, WarmThroughput?)
    case delete(String)
}

/// A secondary index as `DescribeTable` shows it.
package struct IndexDescription: Equatable, Sendable {
    package var definition: IndexDefinition
    /// Nil for a local index.
    package var status: IndexStatus?
    package var isBackfilling: Bool?
    package var itemCount: UInt64 = 0
    package var sizeBytes: UInt64 = 0
    package var throughput: ProvisionedThroughput = .none
    package var onDemand: OnDemandThroughput?
    package var warm: WarmThroughput?

    package init(_ definition: IndexDefinition) { self.definition = definition }
}
