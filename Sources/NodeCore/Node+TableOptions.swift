import DataModel
import Primitives

/// Something in a state that passes by itself.
struct Passing: Hashable {
    enum Part: UInt8 { case table, index, timeToLive }

    var id: TableID
    var part: Part
}

extension TableRecord {
    /// Whether the catalog's leader has something to do about it, some time.
    var isPassing: Bool {
        if self.status != .active { return true }
        if self.options.globals.contains(where: { $0.status != .active }) { return true }
        switch self.options.timeToLive?.status {
        case .enabling, .disabling: return true
        case .enabled, .disabled, nil: return false
        }
    }
}

/// Operations on tags, policies and times to live, carried out by the leader of the catalog.
extension Node {
    /// Whether a state that passes has lasted as long as the topology wants it to.
    mutating func isDue(_ passing: Passing, _ clocks: Clocks) -> Bool {
        guard self.settings.controlPlaneDelay > 0 else { return true }
        guard let since = self.passingSince[passing] else {
            self.passingSince[passing] = clocks.now
            return false
        }
        return clocks.now.since(since) >= self.settings.controlPlaneDelay
    }

    mutating func hasPassed(_ id: TableID, _ part: Passing.Part) {
        if !self.passingSince.isEmpty { self.passingSince[Passing(id: id, part: part)] = nil }
    }

    /// A round of the catalog's leader over one table.
    mutating func advanceOptions(
        of table: TableRecord,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        var changes: [TableChange] = []
        switch table.status {
        case .updating where self.isDue(Passing(id: table.id, part: .table), clocks):
            changes.append(.status(.active))
        case .deleting where !table.isGlobal:
            if self.isDue(Passing(id: table.id, part: .table), clocks) {
                self.proposeToCatalog(.deleteTable(table.id), .internalChange, clocks, &effects)
            }
            return
        case .active: self.hasPassed(table.id, .table)
        case .updating, .creating, .deleting: break
        }
        if var timeToLive = table.options.timeToLive {
            let isDue: Bool
            switch timeToLive.status {
            case .enabling, .disabling:
                isDue = self.isDue(Passing(id: table.id, part: .timeToLive), clocks)
            case .enabled, .disabled:
                self.hasPassed(table.id, .timeToLive)
                isDue = false
            }
            if isDue {
                let isEnabling = timeToLive.status == .enabling
                timeToLive.status = isEnabling ? .enabled : .disabled
                changes.append(.timeToLive(isEnabling ? timeToLive : nil))
            }
        }
        guard !changes.isEmpty else { return }
        self.proposeToCatalog(
            .changeTable(table.id, changes),
            .internalChange,
            clocks,
            &effects
        )
    }

    mutating func carryOut(
        _ operation: TableOptionOperation,
        _ origin: Origin,
        _ clocks: Clocks,
        _ effects: inout [Effect]
    ) {
        do throws(ServiceError) {
            let table = try self.table(of: operation)
            switch operation {
            case .listTags(_, let after):
                self.succeed(origin, Self.page(of: table.options.tags, after: after), &effects)
            case .getPolicy:
                guard let policy = table.options.policy else {
                    throw .policyNotFound(table.arn(in: self.settings.regionName))
                }
                let answer = TableOptionResponse.policy(
                    text: policy.text,
                    revision: policy.revision
                )
                self.succeed(origin, .tableOption(answer), &effects)
            case .describeTimeToLive:
                let answer = TableOptionResponse.timeToLive(table.options.timeToLive)
                self.succeed(origin, .tableOption(answer), &effects)
            case .deletePolicy where table.options.policy == nil:
                let answer = TableOptionResponse.policy(text: nil, revision: nil)
                self.succeed(origin, .tableOption(answer), &effects)
            default:
                let (changes, answer) = try self.changes(operation, table, clocks)
                self.proposeToCatalog(
                    .changeTable(table.id, changes),
                    .tableOption(origin, answer),
                    clocks,
                    &effects
                )
            }
        } catch {
            self.fail(origin, error, &effects)
        }
    }

    private func table(
        of operation: TableOptionOperation
    ) throws(ServiceError) -> TableRecord {
        switch operation {
        case .tag(let resource, _), .untag(let resource, _), .listTags(let resource, _):
            return try self.taggedTable(resource)
        case .putPolicy(let resource, _, _), .getPolicy(let resource),
            .deletePolicy(let resource, _):
            return try self.guardedTable(resource)
        case .updateTimeToLive(let name, _, _):
            guard let table = self.catalog.table(named: name) else { throw .tableNotFound(name) }
            return table
        case .describeTimeToLive(let name):
            guard let table = self.catalog.table(named: name) else { throw .tableNotFound(name) }
            let state: String
            switch table.status {
            case .active, .updating: return table
            case .creating: state = "CREATING"
            case .deleting: state = "DELETING"
            }
            throw .validation(
                "Cannot describe time to live while table is in \(state) state: Current table "
                    + "state is \(state)"
            )
        }
    }

    /// Whether an ARN names something of this region.
    private func isLocal(_ resource: ResourceName) -> Bool {
        resource.region == self.settings.regionName && resource.partition == "aws"
    }

    private func taggedTable(_ resource: ResourceName) throws(ServiceError) -> TableRecord {
        guard resource.account == TableDescription.ownAccountID else {
            throw ServiceError(.accessDenied, "Access is denied")
        }
        guard self.isLocal(resource) else {
            throw .validation(
                "Invalid TableArn: Invalid ResourceArn provided as input \(resource.arn)"
            )
        }
        guard resource.rest == nil, let table = self.catalog.table(named: resource.table) else {
            throw ServiceError(
                .resourceNotFound,
                "Requested resource not found: ResourceArn: \(resource.arn) not found"
            )
        }
        return table
    }

    private func guardedTable(_ resource: ResourceName) throws(ServiceError) -> TableRecord {
        guard resource.account == TableDescription.ownAccountID else {
            throw .validation(
                "This action is only supported by accounts that match the resource owner’s "
                    + "account."
            )
        }
        guard self.isLocal(resource) else {
            throw .validation(
                "One or more parameter values were invalid: Invalid resource Arn: \(resource.arn)"
            )
        }
        guard let table = self.catalog.table(named: resource.table) else {
            throw .tableNotFound(resource.table)
        }
        guard let rest = resource.rest else { return table }
        let label = rest.dropFirst("stream/".count)
        throw ServiceError(
            .resourceNotFound,
            "Requested resource not found: Stream: \(label) not found for Table: \(table.name)"
        )
    }

    private static func page(of tags: [Tag], after: String?) -> OperationResponse {
        let rest = after.map { key in Array(tags.drop { $0.key != key }.dropFirst()) } ?? tags
        let page = Array(rest.prefix(NodeLimits.tagsMax))
        let next = page.count < rest.count ? page.last?.key : nil
        return .tableOption(.tags(page, next: next))
    }

    /// What a write of options changes, and what it answers.
    private func changes(
        _ operation: TableOptionOperation,
        _ table: TableRecord,
        _ clocks: Clocks
    ) throws(ServiceError) -> ([TableChange], TableOptionResponse) {
        guard table.status != .deleting, table.status != .creating else {
            throw .tableInUse(table.name, table.status)
        }
        switch operation {
        case .tag(_, let added):
            var tags = table.options.tags
            for tag in added {
                if let known = tags.firstIndex(where: { $0.key == tag.key }) {
                    tags[known] = tag
                } else {
                    tags.append(tag)
                }
            }
            guard tags.count <= NodeLimits.tagsMax else { throw .tooManyTags }
            return ([.tags(tags)], .done)
        case .untag(_, let keys):
            return ([.tags(table.options.tags.filter { !keys.contains($0.key) })], .done)
        case .putPolicy(_, let text, let expected):
            try Self.check(expected, table)
            if let present = table.options.policy, present.text == text {
                return ([], .policy(text: nil, revision: present.revision))
            }
            let revision = max(
                clocks.wall.nanoseconds / 1_000_000,
                (table.options.policy?.revision ?? 0) + 1
            )
            let policy = ResourcePolicy(text: text, revision: revision)
            return ([.policy(policy)], .policy(text: nil, revision: revision))
        case .deletePolicy(_, let expected):
            try Self.check(expected, table)
            return ([.policy(nil)], .policy(text: nil, revision: table.options.policy?.revision))
        case .updateTimeToLive(_, let attribute, let isEnabled):
            return try self.timeToLive(attribute, isEnabled, table)
        case .listTags, .getPolicy, .describeTimeToLive:
            preconditionFailure("a read changes nothing")
        }
    }

    /// Refuses a revision that is not the policy's; `NO_POLICY` stands for there being none.
    private static func check(
        _ expected: String?,
        _ table: TableRecord
    ) throws(ServiceError) {
        guard let expected else { return }
        switch (table.options.policy, expected) {
        case (nil, "NO_POLICY"): return
        case (let policy?, "NO_POLICY"):
            throw .policyNotFound(
                "Requested policy update expecting none to be present for table \(table.name), but "
                    + "a policy exists with revision id \(policy.revision)."
            )
        case (let policy?, _):
            guard expected != String(policy.revision) else { return }
            throw .policyNotFound(
                "Requested update for policy with revision id \(expected), but the policy "
                    + "associated to target table \(table.name) has revision id "
                    + "\(policy.revision)."
            )
        case (nil, _):
            throw .policyNotFound(
                "Requested update for policy with revision id \(expected), but no policy is "
                    + "associated to target table \(table.name)."
            )
        }
    }

    private func timeToLive(
        _ attribute: [UInt8],
        _ isEnabled: Bool,
        _ table: TableRecord
    ) throws(ServiceError) -> ([TableChange], TableOptionResponse) {
        let present = table.options.timeToLive
        switch present?.status {
        case .enabling, .disabling:
            throw .validation(
                "Time to live has been modified multiple times within a fixed interval"
            )
        case .enabled where present?.attribute != attribute:
            let name = String(decoding: present?.attribute ?? [], as: UTF8.self)
            throw .validation(
                "TimeToLive is active on a different AttributeName: current AttributeName is "
                    + name
            )
        case .enabled where isEnabled: throw .validation("TimeToLive is already enabled")
        case .disabled where !isEnabled, nil where !isEnabled:
            throw .validation("TimeToLive is already disabled")
        case .enabled, .disabled, nil: break
        }
        let next = TimeToLive(attribute: attribute, status: isEnabled ? .enabling : .disabling)
        var changes: [TableChange] = [.timeToLive(next)]
        if table.isGlobal, var global = table.global {
            global.advance(by: self.settings.region)
            changes.append(.global(global))
        }
        return (changes, .timeToLiveChanged(attribute: attribute, isEnabled: isEnabled))
    }
}

extension TableRecord {
    fileprivate func arn(in region: String) -> String {
        "arn:aws:dynamodb:\(region):\(TableDescription.ownAccountID):table/\(self.name)"
    }
}

extension ServiceError {
    /// There is no policy, or not of the revision that the request expected.
    fileprivate static func policyNotFound(_ what: String) -> ServiceError {
        ServiceError(
            .policyNotFound,
            "Resource-based policy not found for the provided ResourceArn: " + what
        )
    }

    package static let tooManyTags = ServiceError.validation(
        "Number of Tags exceed the current limit for the provided ResourceArn"
    )
}
