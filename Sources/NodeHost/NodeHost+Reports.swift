import DataModel
import EventLoop
import NodeCore
import Primitives
import Replication
import Tables
import Topology
import Wire

/// Lag, conflicts and digests as JSON.
extension NodeHost {
    /// Windows of lag that are reported, in seconds.
    static let lagWindows = [10, 60]

    func lag() -> JSONValue {
        let now = Instant(nanoseconds: self.loop.now)
        let own = self.topology.region(self.member.region).name
        var inbound: [JSONValue] = []
        for seconds in Self.lagWindows {
            for lag in self.turns.node.inboundLag(lastSeconds: seconds, now: now) {
                let summary = LagSummary(lag.histogram)
                let buckets = lag.histogram.filled.map { bucket, count in
                    JSONValue.array([.integer(bucket), .integer(count)])
                }
                inbound.append([
                    "table": .string(lag.table),
                    "source": .string(self.topology.region(lag.source).name),
                    "destination": .string(own),
                    "window": .integer(seconds), "count": .integer(summary.count),
                    "p50Us": .integer(summary.p50 / 1_000),
                    "p90Us": .integer(summary.p90 / 1_000),
                    "p99Us": .integer(summary.p99 / 1_000),
                    "maxUs": .integer(summary.max / 1_000),
                    "histogram": .array(buckets),
                ])
            }
        }
        let outbound = self.turns.node.outboundLag(now: now).map { lag -> JSONValue in
            [
                "table": .string(lag.table), "source": .string(own),
                "destination": .string(self.topology.region(lag.destination).name),
                "backlogChanges": .integer(lag.backlogChanges),
                "backlogBytes": .integer(lag.backlogBytes),
                "watermarkAgeUs": .integer(lag.watermarkAge / 1_000),
            ]
        }
        return [
            "inbound": .array(inbound), "outbound": .array(outbound), "indexes": self.indexLag(now),
        ]
    }

    /// The way from tables to their global indexes, in the form of the way between regions.
    private func indexLag(_ now: Instant) -> JSONValue {
        let own = self.topology.region(self.member.region).name
        var inbound: [JSONValue] = []
        var outbound: [JSONValue] = []
        for seconds in Self.lagWindows {
            for lag in self.turns.node.indexLag(lastSeconds: seconds, now: now) {
                let summary = LagSummary(lag.histogram)
                let name = JSONValue.string("\(lag.table)/\(lag.index)")
                let buckets = lag.histogram.filled.map { bucket, count in
                    JSONValue.array([.integer(bucket), .integer(count)])
                }
                inbound.append([
                    "table": name, "source": .string(own), "destination": .string(own),
                    "window": .integer(seconds), "count": .integer(summary.count),
                    "p50Us": .integer(summary.p50 / 1_000),
                    "p90Us": .integer(summary.p90 / 1_000),
                    "p99Us": .integer(summary.p99 / 1_000),
                    "maxUs": .integer(summary.max / 1_000),
                    "histogram": .array(buckets),
                ])
                guard seconds == Self.lagWindows[0] else { continue }
                outbound.append([
                    "table": name, "source": .string(own), "destination": .string(own),
                    "backlogChanges": .integer(lag.backlogEntries), "backlogBytes": 0,
                    "watermarkAgeUs": .integer(lag.oldest / 1_000),
                ])
            }
        }
        return ["inbound": .array(inbound), "outbound": .array(outbound)]
    }

    func conflicts(limit: Int) -> JSONValue {
        let bounded = min(max(limit, 1), NodeLimits.conflictsMax)
        let entries = (try? self.turns.node.conflicts(max: bounded)) ?? []
        return ["conflicts": .array(entries.map(self.json))]
    }

    private func json(_ entry: LedgerEntry) -> JSONValue {
        let record = entry.record
        let loser: JSONValue
        switch record.loserImage {
        case .item(let image): loser = Self.json(Item(trusted: image))
        case .deletion, .omitted: loser = .null
        }
        let kind: String
        switch record.loserImage {
        case .item: kind = "put"
        case .deletion: kind = "delete"
        case .omitted: kind = "large put"
        }
        return [
            "table": .string(record.table), "key": Self.json(entry.key),
            "decidedIn": .string(self.topology.region(record.decidedBy).name),
            "winner": self.json(record.winner), "loser": self.json(record.loser),
            "relation": record.relation == .concurrent ? "concurrent" : "skew-inversion",
            "loserKind": .string(kind), "loserItem": loser,
            "decidedAtNs": .integer(record.decidedAtWall.nanoseconds),
        ]
    }

    private func json(_ stamp: Stamp) -> JSONValue {
        [
            "time": .integer(stamp.time),
            "region": .string(self.topology.region(stamp.region).name),
        ]
    }

    func digest(_ request: ClientFront.ControlRequest) {
        guard let table = Self.parameter("table", of: request.query) else {
            return self.refuse(request, 400, "the query must name a table: ?table=T")
        }
        guard let partition = Self.parameter("partition", of: request.query).flatMap({ Int($0) })
        else {
            guard let digests = self.turns.node.digests(of: table) else {
                return self.refuse(request, 404, "no table '\(table)' in this region")
            }
            return self.reply(request, ["partitions": .array(digests.map(self.json))])
        }
        let bucket = Self.parameter("bucket", of: request.query).flatMap { Int($0) } ?? 0
        do throws(StoreError) {
            let keys = try self.turns.node.digestKeys(
                of: table,
                position: partition,
                bucket: bucket
            )
            guard let keys else {
                return self.refuse(request, 404, "no such partition or bucket here")
            }
            self.reply(request, ["keys": .array(keys.map(self.json))])
        } catch {
            self.refuse(request, 500, error.message)
        }
    }

    private func json(_ digest: PartitionDigest) -> JSONValue {
        [
            "index": .integer(digest.position), "leader": .bool(digest.isLeader),
            "digest": .string(Self.hex(digest.total)),
            "buckets": .array(digest.buckets.map { .string(Self.hex($0)) }),
            "items": .integer(digest.items), "bytes": .integer(digest.bytes),
        ]
    }

    private func json(_ key: DigestKey) -> JSONValue {
        let region = self.topology.region(key.stamp.region).name
        return [
            "key": Self.json(key.key), "stamp": .string("\(key.stamp.time).\(region)"),
            "hash": .string(Self.hex(key.hash)),
        ]
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func json(_ item: Item) -> JSONValue {
        (try? JSONValue(parsing: ResponseEncoder.encode(item))) ?? .null
    }
}
