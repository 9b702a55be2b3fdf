import EventLoop
import Glibc
import NodeCore
import Primitives
import Tables
import Topology
import Wire

/// The node's control endpoints: JSON over HTTP on its own port, for the supervisor and for curl.
extension NodeHost {
    func control(_ request: ClientFront.ControlRequest) {
        let name = String(request.path.dropFirst("/_atoll/".count))
        if request.isPost, !request.hasControlHeader {
            return self.refuse(request, 403, "a POST needs the header 'x-atoll-control: 1'")
        }
        switch (request.isPost, name) {
        case (false, "status"): self.reply(request, self.status())
        case (false, "lag"): self.reply(request, self.lag())
        case (false, "conflicts"):
            let limit = Int(Self.parameter("limit", of: request.query) ?? "") ?? 1000
            self.reply(request, self.conflicts(limit: limit))
        case (false, "digest"): self.digest(request)
        case (false, "arrivals"): self.tellArrivals(request)
        case (true, _): self.change(request, name)
        default:
            self.refuse(
                request,
                404,
                "no such page; there are status, lag, conflicts, digest, arrivals, links, "
                    + "clock, replication, probe, load and finals"
            )
        }
    }

    private func change(_ request: ClientFront.ControlRequest, _ name: String) {
        guard let body = try? JSONValue(parsing: request.body) else {
            return self.refuse(request, 400, "the body is not JSON")
        }
        switch name {
        case "links": self.setLinks(request, body)
        case "clock": self.setClock(request, body)
        case "replication": self.setPaused(request, body)
        case "probe": self.probe(request, body)
        case "load": self.load(request, body)
        case "finals": self.tellFinals(request)
        default: self.refuse(request, 404, "no such control: \(name)")
        }
    }

    /// Writes what the replicas here hold into the apply log, as final states.
    private func tellFinals(_ request: ClientFront.ControlRequest) {
        guard let applyLog = self.applyLog, let store = self.store else {
            return self.refuse(request, 409, "this node keeps no apply log")
        }
        do throws(StoreError) {
            try applyLog.appendFinals(self.turns.node, store)
            self.reply(request, ["ok": true])
        } catch {
            self.refuse(request, 500, error.message)
        }
    }

    private func setClock(_ request: ClientFront.ControlRequest, _ body: JSONValue) {
        let settings: ClockSettings
        do throws(ControlFault) {
            settings = try ClockSettings(control: body)
        } catch {
            return self.refuse(request, 400, error.text)
        }
        // Told again what it is, a clock drifts on.
        if settings != self.wallClock.settings {
            self.wallClock.set(settings, monotonic: self.loop.now)
        }
        let wall = self.wallClock.now(self.loop.now)
        self.reply(request, ["wallTimeNs": .integer(wall.nanoseconds)])
    }

    /// Sets all links that are told, or none.
    private func setLinks(_ request: ClientFront.ControlRequest, _ body: JSONValue) {
        var links: [(from: NodeID, settings: LinkSettings)] = []
        for link in body["links"]?.array ?? [] {
            guard let from = self.topology.node(named: link["from"]?.string ?? "") else {
                return self.refuse(request, 400, "unknown node in 'from'")
            }
            do throws(ControlFault) {
                links.append((from.id, try LinkSettings(control: link)))
            } catch {
                return self.refuse(request, 400, error.text)
            }
        }
        for link in links { self.network.setLink(from: link.from, link.settings) }
        if let cut = body["outboundCut"]?.array {
            let nodes = cut.compactMap { self.topology.node(named: $0.string ?? "")?.id }
            self.network.setOutboundCut(nodes)
        }
        self.reply(request, ["ok": true])
    }

    private func setPaused(_ request: ClientFront.ControlRequest, _ body: JSONValue) {
        let names = (body["paused"]?.array ?? []).compactMap(\.string)
        let regions = names.compactMap { self.topology.region(named: $0)?.id }
        guard regions.count == names.count else {
            return self.refuse(request, 400, "unknown region in 'paused'")
        }
        self.take(.pauseReplication(to: regions))
        self.reply(request, ["paused": .array(names.map { .string($0) })])
    }

    // MARK: Reports

    private func status() -> JSONValue {
        let report = self.turns.node.status(now: Instant(nanoseconds: self.loop.now))
        let usage = ProcessUsage.current()
        // Read one right after the other: their difference is what a clock is measured by.
        let now = self.loop.now
        let wall = self.wallClock.now(now)
        let clock: JSONValue = [
            "offsetNs": .integer(self.wallClock.settings.offsetNanoseconds),
            "driftPpm": .integer(self.wallClock.settings.driftPPM),
        ]
        let catalog: JSONValue = [
            "leader": self.name(report.catalogLeader), "term": .integer(report.catalogTerm),
        ]
        return [
            "node": .string(self.member.name),
            "region": .string(self.topology.region(self.member.region).name),
            "zone": .string(self.member.zone),
            "pid": .integer(getpid()),
            "incarnation": .integer(report.incarnation),
            "uptimeMs": .integer((now - self.startedAt) / 1_000_000),
            "wallTimeNs": .integer(wall.nanoseconds),
            "monotonicNs": .integer(now),
            "residentBytes": .integer(usage.residentBytes),
            "cpuMicroseconds": .integer(usage.cpuNanoseconds / 1_000),
            "ready": .bool(report.isReady),
            "applyLogError": self.applyLog?.failure.map { .string($0) } ?? .null,
            "disk": .string(self.turns.isStalled ? "full" : "ok"),
            "clock": clock,
            "pausedReplication": .array(
                report.paused.map { .string(self.topology.region($0).name) }
            ),
            "catalog": catalog,
            "peers": .array(report.peers.map(self.json)),
            "groups": [
                "total": .integer(report.groups), "leading": .integer(report.leading),
            ],
            "tables": .array(report.tables.map(self.json)),
            "ring": .array(
                report.ring.map { share in
                    [
                        "node": self.name(share.node),
                        "share": .number(Self.fraction(share.partsPerMillion)),
                    ]
                }
            ),
        ]
    }

    private func json(_ peer: NodeStatus.Peer) -> JSONValue {
        [
            "node": self.name(peer.node), "connected": .bool(peer.isConnected),
            "lastHeardMs": .integer(peer.silence / 1_000_000),
        ]
    }

    private func json(_ table: NodeStatus.Table) -> JSONValue {
        [
            "name": .string(table.name), "status": .string(table.status),
            "replicas": .array(table.replicas.map { .string(self.topology.region($0).name) }),
            "partitions": .array(table.partitions.map(self.json)),
        ]
    }

    private func json(_ partition: NodeStatus.Partition) -> JSONValue {
        [
            "id": .integer(partition.id.number), "leader": self.name(partition.leader),
            "role": .string(partition.role), "term": .integer(partition.term),
            "commit": .integer(partition.commit), "applied": .integer(partition.applied),
            "items": .integer(partition.items), "bytes": .integer(partition.bytes),
            "members": .array(
                partition.members.map { .string(self.topology.node($0.node).name) }
            ),
        ]
    }

    func name(_ node: NodeID?) -> JSONValue {
        node.map { .string(self.topology.node($0).name) } ?? .null
    }

    static func fraction(_ partsPerMillion: UInt32) -> String {
        let digits = String(partsPerMillion + 10_000_000).dropFirst(2)
        return partsPerMillion >= 1_000_000 ? "1" : "0.\(digits)"
    }

    // MARK: Answers

    func reply(_ request: ClientFront.ControlRequest, _ value: JSONValue) {
        self.front.answer(request.id, status: 200, .json, value.serialized())
    }

    func refuse(_ request: ClientFront.ControlRequest, _ status: Int, _ text: String) {
        let body: JSONValue = ["error": .string(text)]
        self.front.answer(request.id, status: status, .json, body.serialized())
    }

    /// The value of one parameter of a query string, with %XX decoded.
    static func parameter(_ name: String, of query: String) -> String? {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == name else { continue }
            var bytes: [UInt8] = []
            var rest = parts[1].utf8[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "%"), rest.count >= 2,
                    let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
                else {
                    bytes.append(byte)
                    continue
                }
                bytes.append(value)
                rest = rest.dropFirst(2)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        return nil
    }
}
