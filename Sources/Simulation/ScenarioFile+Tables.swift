import Primitives
import Wire

/// What the table has beside its items, in scenario files.
extension TablePlan {
    var json: JSONValue {
        var value: JSONValue = [
            "sortKey": .bool(self.hasSortKey), "backfillRecords": .integer(self.backfillRecords),
            "indexes": .array(self.indexes.map(\.json)),
        ]
        if let timeToLive = self.timeToLive {
            value["timeToLive"] = [
                "period": .integer(timeToLive.period), "percent": .integer(timeToLive.percent),
            ]
        }
        return value
    }

    init(json: JSONValue) throws(ScenarioError) {
        self.init()
        self.hasSortKey = json["sortKey"]?.bool ?? false
        self.backfillRecords = max(1, json["backfillRecords"]?.uint64 ?? self.backfillRecords)
        for index in json["indexes"]?.array ?? [] {
            self.indexes.append(try Index(json: index))
        }
        guard self.hasSortKey || !self.hasLocals else {
            throw ScenarioError("a local index needs \"sortKey\": true")
        }
        guard let timeToLive = json["timeToLive"] else { return }
        guard let period = timeToLive["period"]?.uint64, period > 0 else {
            throw ScenarioError("\"timeToLive\" needs a \"period\"")
        }
        self.timeToLive = TimeToLive(
            period: period,
            percent: min(100, timeToLive["percent"]?.uint64 ?? 20)
        )
    }
}

extension TablePlan.Index {
    fileprivate var json: JSONValue {
        var value: JSONValue = [
            "index": .string(self.kind.rawValue), "projection": .string(self.projection.rawValue),
        ]
        if let time = self.madeAt { value["madeAt"] = .integer(time) }
        if let time = self.droppedAt { value["droppedAt"] = .integer(time) }
        return value
    }

    fileprivate init(json: JSONValue) throws(ScenarioError) {
        guard let kind = json["index"]?.string.flatMap(IndexKind.init(rawValue:)),
            let projection = json["projection"]?.string.flatMap(TablePlan.Projection.init)
        else {
            let kinds = IndexKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw ScenarioError("an index is one of \(kinds), with a \"projection\"")
        }
        self.init(kind, projection)
        self.madeAt = json["madeAt"]?.uint64
        self.droppedAt = json["droppedAt"]?.uint64
    }
}
