import NodeCore

/// The members that CreateTable and UpdateTable share.
struct TableSettingsParameters {
    /// `ProvisionedThroughput`; the model requires both members.
    struct Throughput {
        var readUnits: Int
        var writeUnits: Int

        private static let unitsMax = 1_000_000_000_000

        func checked() throws(ServiceError) -> ProvisionedThroughput {
            for (name, units) in [
                ("ReadCapacityUnits", self.readUnits), ("WriteCapacityUnits", self.writeUnits),
            ] where units > Self.unitsMax {
                throw .validation("Given value \(units) for \(name) is out of bounds")
            }
            return ProvisionedThroughput(
                readUnits: UInt64(self.readUnits),
                writeUnits: UInt64(self.writeUnits)
            )
        }
    }

    let billingMode: BillingMode?
    let capacity: CapacityParameters
    let isDeletionProtected: Bool?
    let stream: RequestTree?
    let encryption: RequestTree?
    private let tableClassName: String?

    init(_ tree: RequestTree) {
        self.billingMode = tree.choice("BillingMode", of: Choices.billingMode)
        self.capacity = CapacityParameters(tree)
        self.isDeletionProtected = tree.bool("DeletionProtectionEnabled")
        self.stream = tree.structure("StreamSpecification")
        self.encryption = tree.structure("SSESpecification")
        self.tableClassName = tree.string("TableClass")
    }

    func tableClass() throws(ServiceError) -> TableClass? {
        guard let name = self.tableClassName else { return nil }
        let choices = Choices.tableClass.choices
        if let match = choices.first(where: { $0.0 == name }) { return match.1 }
        throw .validation(
            "Invalid table-class parameter provided. Please try again with a valid table-class "
                + "value: [\(choices.map(\.0).joined(separator: ", "))]."
        )
    }

    /// `SSESpecification`; without `Enabled`, naming a type asks for encryption.
    func checkedEncryption() throws(ServiceError) -> Encryption? {
        guard let tree = self.encryption else { return nil }
        let type = tree.string("SSEType")
        let key = tree.string("KMSMasterKeyId")
        let isEnabled = tree.bool("Enabled") ?? (type != nil)
        let fault: String? =
            if !isEnabled, type != nil {
                "SSEType can not be specified if Enabled is false"
            } else if !isEnabled, key != nil {
                "KMSMasterKeyId can not be specified if Enabled is false"
            } else if type == "AES256" {
                "SSEType AES256 is not supported"
            } else if key != nil, type == nil {
                "SSEType KMS is required if KMSMasterKeyId is specified"
            } else { nil }
        if let fault { throw .validation(AttributeReader.invalid + fault) }
        return Encryption(isEnabled: isEnabled, key: key)
    }

    /// The stream of a new table.
    func newStream() throws(ServiceError) -> StreamView? {
        guard let stream = self.stream else { return nil }
        let view = stream.choice("StreamViewType", of: Choices.streamView)
        switch (stream.bool("StreamEnabled") ?? false, view) {
        case (true, nil):
            throw .validation(
                AttributeReader.invalid + "Table is being created with a stream enabled, "
                    + "UpdateViewType is required"
            )
        case (false, _?):
            throw .validation(
                AttributeReader.invalid + "Table is being created with a stream disabled, "
                    + "UpdateViewType should not be specified"
            )
        case (_, let view): return view
        }
    }

    /// What the request does to the stream of a table that is there.
    func streamUpdate() throws(ServiceError) -> StreamUpdate? {
        guard let stream = self.stream else { return nil }
        let view = stream.choice("StreamViewType", of: Choices.streamView)
        switch (stream.bool("StreamEnabled") ?? false, view) {
        case (false, nil): return .disable
        case (true, let view?): return .enable(view)
        case (true, nil):
            throw .validation(
                AttributeReader.invalid + "If stream is being enabled then UpdateViewType is "
                    + "required"
            )
        case (false, _?):
            throw .validation(
                AttributeReader.invalid + "If stream is being disabled, then UpdateViewType must "
                    + "not be specified"
            )
        }
    }
}
