import Primitives

/// What UpdateTable does to billing modes and throughputs, and what it refuses.
///
/// Texts and rules are those of findings 128, 134, 152, 153, 164 and 170 of ack-api-quirks, run
/// against the service in October 2026.
extension Node {
    /// The billing mode and the throughput after an update.
    func checkedThroughput(
        of table: TableRecord,
        changedBy request: UpdateTableRequest,
        _ settings: inout TableSettings,
        _ clocks: Clocks
    ) throws(ServiceError) {
        let mode = request.billingMode ?? table.settings.billingMode
        if let throughput = request.throughput {
            guard mode == .provisioned else { throw .throughputOnDemand }
            guard throughput != table.settings.throughput else {
                throw .throughputUnchanged(throughput, of: "the table", by: "the table")
            }
            try AccountLimits().check(throughput, in: self.settings.regionName)
            settings.throughput = throughput
        }
        guard mode != table.settings.billingMode else { return }
        settings.billingMode = mode
        if mode == .payPerRequest {
            settings.throughput = .none
            settings.payPerRequestSince = clocks.wall
        }
    }

    /// The changes of indexes, and of the table's bounds, that a change of mode or throughput
    /// brings.
    func throughputChanges(
        of table: TableRecord,
        by request: UpdateTableRequest,
        _ settings: TableSettings
    ) throws(ServiceError) -> [TableChange] {
        var changes: [TableChange] = []
        let old = table.settings
        if settings.billingMode != old.billingMode {
            changes += try self.modeChanges(of: table, by: request, to: settings.billingMode)
        }
        if settings.billingMode == old.billingMode, settings.billingMode == .provisioned {
            // Warm throughput never falls: what was provisioned stays at hand.
            let warm = table.warmThroughput
            if settings.throughput.readUnits < warm.readUnits
                || settings.throughput.writeUnits < warm.writeUnits
            {
                changes.append(.warm(warm))
            }
        }
        return changes
    }

    private func modeChanges(
        of table: TableRecord,
        by request: UpdateTableRequest,
        to mode: BillingMode
    ) throws(ServiceError) -> [TableChange] {
        let live = table.options.globals.filter { $0.status != .deleting }
        if mode == .payPerRequest {
            return live.map { index in
                .indexThroughput(index.name, .none, index.onDemand, index.warm)
            }
        }
        let given = request.indexUpdates.compactMap { update in
            if case .update(let name, _?, _, _) = update { name } else { nil }
        }
        let missing = live.map(\.name).filter { !given.contains($0) }
        guard missing.isEmpty else {
            throw .validation(
                "One or more parameter values were invalid: ProvisionedThroughput must be "
                    + "specified for index: " + missing.joined(separator: ",")
            )
        }
        return [.onDemand(nil)]
    }

    /// The throughput of an index after an update.
    func throughputChange(
        of index: IndexRecord,
        in table: TableRecord,
        _ mode: BillingMode,
        _ throughput: ProvisionedThroughput?,
        _ onDemand: OnDemandThroughput?,
        _ warm: WarmThroughput?
    ) throws(ServiceError) -> TableChange {
        let invalid = "One or more parameter values were invalid: "
        if mode == .payPerRequest {
            guard throughput == nil, onDemand != nil || warm != nil else {
                throw .validation(
                    invalid + "The only Updates for index: \(index.name) when TableThroughputMode "
                        + "is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
                )
            }
        } else if onDemand != nil {
            throw .validation(
                invalid + "MaxReadRequestUnits for OnDemandThroughput for index : \(index.name) "
                    + "cannot be specified when the table BillingMode is PROVISIONED"
            )
        }
        if let throughput {
            guard throughput != index.throughput else {
                throw .throughputUnchanged(
                    throughput,
                    of: "the index \(index.name)",
                    by: "index \(index.name)"
                )
            }
            try AccountLimits().check(throughput, in: self.settings.regionName, index: index.name)
        }
        let least = index.warm ?? table.settings.leastWarm(index.throughput)
        var more = index.warm
        if let warm { more = try least.raised(to: warm, of: "index \(index.name)") }
        if let throughput,
            throughput.readUnits < least.readUnits || throughput.writeUnits < least.writeUnits,
            more == nil
        {
            more = least
        }
        return .indexThroughput(
            index.name,
            throughput ?? index.throughput,
            mode == .provisioned ? nil : onDemand.map { $0.isEmpty ? nil : $0 } ?? index.onDemand,
            more
        )
    }
}

extension OnDemandThroughput {
    /// Whether nothing is bounded.
    var isEmpty: Bool { self.readUnitsMax == nil && self.writeUnitsMax == nil }
}

extension WarmThroughput {
    /// What a new table or index takes on demand.
    package static let newOnDemand = WarmThroughput(readUnits: 12_000, writeUnits: 4_000)

    /// The throughput that was asked for, which may not be less; what was not asked for stays.
    func raised(
        to wanted: WarmThroughput,
        of place: String
    ) throws(ServiceError) -> WarmThroughput {
        var raised = self
        for (name, units, path) in [
            ("ReadUnitsPerSecond", wanted.readUnits, \WarmThroughput.readUnits),
            ("WriteUnitsPerSecond", wanted.writeUnits, \WarmThroughput.writeUnits),
        ] where units > 0 {
            guard units >= self[keyPath: path] else {
                throw .validation(
                    "One or more parameter values were invalid: Requested \(name) for "
                        + "WarmThroughput for \(place) is lower than current WarmThroughput, "
                        + "decreasing WarmThroughput is not supported"
                )
            }
            raised[keyPath: path] = units
        }
        return raised
    }
}

extension AccountLimits {
    /// Refuses more than one table or index may have.
    func check(
        _ throughput: ProvisionedThroughput,
        in region: String,
        index: String? = nil
    ) throws(ServiceError) {
        for (name, units, max) in [
            ("ReadCapacityUnits", throughput.readUnits, self.tableReadUnits),
            ("WriteCapacityUnits", throughput.writeUnits, self.tableWriteUnits),
        ] where units > max {
            let subject = index.map { "\(name) for index \($0)" } ?? name
            throw ServiceError(
                .limitExceeded,
                "The requested \(subject), \(units), is above the per "
                    + "\(index == nil ? "table" : "index") maximum for the account in \(region). "
                    + "Per table maximum: \(max). " + ServiceError.limitsAdvice
            )
        }
    }
}

extension ServiceError {
    static let limitsAdvice =
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher "
        + "limits."

    /// Provisioned throughput for a table that is billed by request.
    package static let throughputOnDemand = ServiceError.validation(
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
            + "WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
    )

    fileprivate static func throughputUnchanged(
        _ throughput: ProvisionedThroughput,
        of place: String,
        by owner: String
    ) -> ServiceError {
        let units = { (name: String, value: UInt64) in
            "Current \(name) provisioned for \(owner): \(value). Requested \(name): \(value). "
        }
        return .validation(
            "The provisioned throughput for \(place) will not change. The requested value equals "
                + "the current value. " + units("ReadCapacityUnits", throughput.readUnits)
                + units("WriteCapacityUnits", throughput.writeUnits) + self.limitsAdvice
        )
    }
}
