import NodeCore

/// The members that CreateTable and UpdateTable share, typed but not yet checked.
struct TableSettingsParameters {
    /// `ProvisionedThroughput`.
    struct Throughput {
        var readUnits: Int?
        var writeUnits: Int?

        private static let unitsMax = 1_000_000_000_000

        func checked() throws(ServiceError) -> ProvisionedThroughput {
            let read = self.readUnits ?? 0
            let write = self.writeUnits ?? 0
            for (name, units) in [("ReadCapacityUnits", read), ("WriteCapacityUnits", write)]
            where units > Self.unitsMax {
                throw .validation("Given value \(units) for \(name) is out of bounds")
            }
            return ProvisionedThroughput(readUnits: UInt64(read), writeUnits: UInt64(write))
        }
    }

    /// The enumerations, translated.
    struct Checked {
        var billingMode: BillingMode?
        var tableClass: TableClass?
        var streamView: StreamView?
    }

    private let billingMode: String?
    private let tableClass: String?
    private let hasStream: Bool
    private let streamEnabled: Bool?
    private let streamView: String?
    let throughput: Throughput?
    let isDeletionProtected: Bool?
    let onDemand: OnDemandThroughput?
    let warm: WarmThroughput?

    init(_ tree: RequestTree) throws(ServiceError) {
        self.billingMode = try tree.string("BillingMode")
        self.tableClass = try tree.string("TableClass")
        let stream = try tree.structure("StreamSpecification", "StreamSpecification")
        self.hasStream = stream != nil
        self.streamEnabled = try stream?.bool("StreamEnabled")
        self.streamView = try stream?.string("StreamViewType")
        self.isDeletionProtected = try tree.bool("DeletionProtectionEnabled")
        self.onDemand = try CapacityParameters.onDemand(tree)
        self.warm = try CapacityParameters.warm(tree)
        if let units = try tree.structure("ProvisionedThroughput", "ProvisionedThroughput") {
            self.throughput = Throughput(
                readUnits: try units.integer("ReadCapacityUnits"),
                writeUnits: try units.integer("WriteCapacityUnits")
            )
        } else {
            self.throughput = nil
        }
    }

    /// `SSESpecification`.
    func encryption(_ tree: RequestTree) throws(ServiceError) -> Encryption? {
        guard let encryption = try tree.structure("SSESpecification", "SSESpecification") else {
            return nil
        }
        let type = try encryption.string("SSEType")
        var constraints = Constraints()
        _ = constraints.choice(
            type,
            of: ChoiceTable([("AES256", 0), ("KMS", 1)]),
            at: "sSESpecification.sSEType"
        )
        try constraints.check()
        let isEnabled = try encryption.bool("Enabled") ?? false
        let key = try encryption.string("KMSMasterKeyId")
        guard isEnabled || key == nil else {
            throw .validation(
                AttributeReader.invalid + "KMSMasterKeyId can only be specified when SSE is "
                    + "enabled"
            )
        }
        return Encryption(isEnabled: isEnabled, key: key)
    }

    func check(_ constraints: inout Constraints) -> Checked {
        var checked = Checked()
        checked.billingMode = constraints.choice(
            self.billingMode,
            of: Choices.billingMode,
            at: "billingMode"
        )
        if let throughput = self.throughput {
            for (name, units) in [
                ("writeCapacityUnits", throughput.writeUnits),
                ("readCapacityUnits", throughput.readUnits),
            ] {
                let path = "provisionedThroughput." + name
                constraints.notNull(units != nil, at: path)
                constraints.value(units, in: 1...Int.max, at: path)
            }
        }
        if self.hasStream {
            constraints.notNull(
                self.streamEnabled != nil,
                at: "streamSpecification.streamEnabled"
            )
        }
        checked.streamView = constraints.choice(
            self.streamView,
            of: Choices.streamView,
            at: "streamSpecification.streamViewType"
        )
        checked.tableClass = constraints.choice(
            self.tableClass,
            of: Choices.tableClass,
            at: "tableClass"
        )
        return checked
    }

    /// What the request does to the table's stream; nil without a StreamSpecification.
    func streamUpdate(_ view: StreamView?) throws(ServiceError) -> StreamUpdate? {
        switch (self.streamEnabled, view) {
        case (nil, _): return nil
        case (false?, nil): return .disable
        case (true?, let view?): return .enable(view)
        case (true?, nil):
            throw .validation(
                AttributeReader.invalid
                    + "StreamViewType must be specified when StreamEnabled is true"
            )
        case (false?, _?):
            throw .validation(
                AttributeReader.invalid
                    + "StreamViewType must not be specified when StreamEnabled is false"
            )
        }
    }
}
