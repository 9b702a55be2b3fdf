package import DataModel
package import Primitives

/// `TimeToLiveSpecification` and how far it is in force.
package struct TimeToLive: Equatable, Sendable {
    /// `TimeToLiveStatus`.
    package enum Status: UInt8, Equatable, Sendable, CaseIterable {
        case enabling, enabled, disabling, disabled
    }

    package var attribute: [UInt8]
    package var status: Status

    package init(attribute: [UInt8], status: Status) {
        self.attribute = attribute
        self.status = status
    }
}

/// A resource policy: kept, shown, and not enforced.
package struct ResourcePolicy: Equatable, Sendable {
    package var text: String
    /// Names this version of the policy.
    package var revision: UInt64

    package init(text: String, revision: UInt64) {
        self.text = text
        self.revision = revision
    }
}

/// `SSESpecification`: what the client asked for; nothing is encrypted here.
package struct Encryption: Equatable, Sendable {
    package var isEnabled: Bool
    /// `KMSMasterKeyId`, as given.
    package var key: String?

    package init(isEnabled: Bool, key: String? = nil) {
        self.isEnabled = isEnabled
        self.key = key
    }
}

/// When a table's provisioned throughput was raised and lowered.
package struct ThroughputDates: Equatable, Sendable {
    package var increasedAt: WallTime?
    package var decreasedAt: WallTime?
    /// On the day of ``decreasedAt``, in UTC.
    package var decreases: UInt64 = 0

    package init() {}
}

/// What a table has besides its key, its settings and its regions.
package struct TableOptions: Equatable, Sendable {
    package var locals: [IndexDefinition] = []
    package var globals: [IndexRecord] = []
    package var timeToLive: TimeToLive?
    package var onDemand: OnDemandThroughput?
    package var warm: WarmThroughput?
    package var encryption: Encryption?
    package var throughputDates = ThroughputDates()
    /// Of this region alone, as is the policy.
    package var tags: [Tag] = []
    package var policy: ResourcePolicy?

    package init() {}

    package func global(named name: String) -> IndexRecord? {
        self.globals.first { $0.name == name }
    }

    /// The local index of this name and its number in the keys of its entries.
    package func local(named name: String) -> (number: UInt8, definition: IndexDefinition)? {
        for (position, local) in self.locals.enumerated() where local.name == name {
            return (UInt8(position + 1), local)
        }
        return nil
    }

    /// A copy for another region, with nothing of this region's own.
    func adopted() -> TableOptions {
        var copy = self
        copy.tags = []
        copy.policy = nil
        copy.globals.removeAll { $0.status == .deleting }
        for position in copy.globals.indices {
            copy.globals[position].status = .creating
            copy.globals[position].isAdded = false
        }
        return copy
    }
}

/// One thing about a table that a catalog command changes.
package enum TableChange: Equatable, Sendable {
    case settings(TableSettings)
    case global(GlobalState)
    case status(TableStatus)
    /// Its id is given when the command is applied.
    case addIndex(IndexRecord)
    case indexStatus(String, IndexStatus)
    case indexThroughput(String, ProvisionedThroughput, OnDemandThroughput?, WarmThroughput?)
    case dropIndex(String)
    case timeToLive(TimeToLive?)
    case onDemand(OnDemandThroughput?)
    case warm(WarmThroughput?)
    case encryption(Encryption?)
    case throughputDates(ThroughputDates)
    case tags([Tag])
    case policy(ResourcePolicy?)
}
