import Compression
import DataModel
import EventLoop
import Foundation
import Gateway
import History
import NodeCore
import Testing
import Wire

/// A gateway that records, one region of two fake nodes, and the history as it reads afterwards.
private final class Recording {
    let loop: EventLoop
    let nodes: [FakeNode]
    let gateway: Gateway
    let file: String

    init() throws {
        self.loop = try EventLoop()
        let loop = self.loop
        self.nodes = try (0..<2).map { try FakeNode("east-\($0)", on: loop) }
        self.file =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("history-\(UUID().uuidString).jsonl").path
        var limits = GatewayLimits()
        limits.healthInterval = 10_000_000
        limits.retryInterval = 10_000_000
        limits.suspectAfter = 40_000_000
        limits.downAfter = 120_000_000
        let region = GatewayConfiguration.Region(
            name: "us-east-1",
            port: 0,
            nodes: self.nodes.map { GatewayConfiguration.Node(name: $0.name, port: $0.port) }
        )
        var configuration = GatewayConfiguration(port: 0, regions: [region], limits: limits)
        configuration.history = HistorySettings(
            file: self.file,
            topology: "made",
            regions: ["eu-west-1", "us-east-1"]
        )
        self.gateway = Gateway(configuration, on: loop)
        for node in self.nodes { node.responder = Self.respond }
        try self.gateway.start()
        for _ in 0..<200 where try !self.isHealthy() { self.wait { true } }
    }

    deinit { try? FileManager.default.removeItem(atPath: self.file) }

    /// One table with the key `pk`; every item was written by w7.
    private static func respond(_ operation: String, _ body: [UInt8]) -> FakeNode.Response {
        switch operation {
        case "DescribeTable":
            FakeNode.Response(
                200,
                """
                {"Table":{"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
                "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}}
                """
            )
        case "GetItem":
            FakeNode.Response(
                200,
                "{\"Item\":{\"pk\":{\"S\":\"k\"}}}",
                ["x-atoll-stamp: 17.1", "x-atoll-write: w7"]
            )
        case "DeleteItem":
            FakeNode.Response(
                400,
                "{\"__type\":\"com.amazonaws#ConditionalCheckFailedException\"}",
                ["x-atoll-previous-stamp: 17.1", "x-atoll-previous-write: w7"]
            )
        case "UpdateItem":
            FakeNode.Response(200, "{}", ["x-atoll-stamp: 19.1", "x-atoll-previous-stamp: 18.1"])
        default:
            FakeNode.Response(200, "{}", ["x-atoll-stamp: 18.1", "x-atoll-previous-stamp: 17.1"])
        }
    }

    private func isHealthy() throws -> Bool {
        let client = FakeClient(port: self.gateway.port, on: self.loop)
        client.send(HTTPRequestBuilder.control("GET", "/_atoll/status", host: "x").bytes())
        try #require(self.wait { !client.answers.isEmpty })
        client.tcp?.abort()
        let answer = client.answers[0].body
        return answer.components(separatedBy: "\"healthy\"").count == 1 + self.nodes.count
    }

    @discardableResult
    func wait(_ condition: @escaping () -> Bool) -> Bool { self.loop.run(until: condition) }

    /// Sends one request and returns its answer.
    func ask(_ operation: String, _ body: String) throws -> FakeClient.Answer {
        let client = FakeClient(port: self.gateway.port, on: self.loop)
        client.send(
            HTTPRequestBuilder.dynamoDB(operation, host: "x").bytes(body: Array(body.utf8))
        )
        try #require(self.wait { !client.answers.isEmpty || client.isClosed })
        return try #require(client.answers.first)
    }

    /// What was recorded, once the gateway is closed.
    func history() throws -> History {
        self.gateway.stop()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: self.file))
        return try History(parsing: Array(bytes))
    }
}

private let putK = "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"k\"},\"w\":{\"S\":\"w9\"}}}"
private let getK =
    "{\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"k\"}},\"ConsistentRead\":true}"

@Suite("A gateway's history tells what was asked and what became of it") struct HistoryTests {
    @Test("a put and a read, with the versions that headers tell")
    func versions() throws {
        let recording = try Recording()
        #expect(try recording.ask("PutItem", putK).status == 200)
        #expect(try recording.ask("GetItem", getK).status == 200)
        var history = try recording.history()
        #expect(history.header.regions == ["eu-west-1", "us-east-1"])
        let (w7, w9) = (history.names.write("w7"), history.names.write("w9"))
        guard history.events.count == 4, case .invoke(let put) = history.events[0],
            case .ok(let done) = history.events[1], case .invoke(let get) = history.events[2],
            case .ok(let read) = history.events[3]
        else {
            Issue.record("\(history.events)")
            return
        }
        #expect(put.write == w9 && put.region == 1 && put.operation == .put)
        #expect(history.names.display(put.key) == "tab/k")
        #expect(done.stamp == HistoryStamp(18, 1) && done.write == .write(w9))
        #expect(get.isConsistent && get.client != put.client && get.time >= done.time)
        #expect(read.write == .write(w7) && read.stamp == HistoryStamp(17, 1))
        #expect(recording.nodes.map(\.requests).reduce(0, +) == 3, "one asks for the table's key")
        #expect(recording.nodes.flatMap(\.historyHeaders) == [false, true, true])
    }

    @Test("a refusal fails with what the condition saw; a delete is named by its number")
    func refusal() throws {
        let recording = try Recording()
        let body =
            "{\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"k\"}},"
            + "\"ConditionExpression\":\"attribute_not_exists(pk)\"}"
        #expect(try recording.ask("DeleteItem", body).status == 400)
        var history = try recording.history()
        let w7 = history.names.write("w7")
        guard history.events.count == 2, case .invoke(let delete) = history.events[0],
            case .fail(let refusal) = history.events[1]
        else {
            Issue.record("\(history.events)")
            return
        }
        #expect(delete.condition == .exists(false))
        #expect(delete.write.map { history.names.display($0) } == "operation-1")
        #expect(history.names.display(refusal.error) == Refusal.conditionFailed)
        #expect(refusal.previous == .write(w7))
    }

    @Test("a write that a dying node took with it stays open; a read that died is over")
    func lost() throws {
        let recording = try Recording()
        _ = try recording.ask("PutItem", putK)
        for node in recording.nodes { node.behaviour = .die }
        #expect(try recording.ask("PutItem", putK).status == 500)
        #expect(try recording.ask("GetItem", getK).status == 500)
        let events = try recording.history().events
        guard events.count == 6, case .info = events[3], case .fail = events[5] else {
            Issue.record("\(events)")
            return
        }
    }

    @Test("what no node was asked has failed for certain")
    func unsent() throws {
        let recording = try Recording()
        _ = try recording.ask("PutItem", putK)
        var faults = EndpointFaults.none
        faults.answer = ErrorAnswer.named("503")
        try recording.gateway.setFaults(faults, of: "us-east-1")
        #expect(try recording.ask("PutItem", putK).status == 503)
        let history = try recording.history()
        guard history.events.count == 4, case .fail(let refusal) = history.events[3] else {
            Issue.record("\(history.events)")
            return
        }
        #expect(history.names.display(refusal.error) == "ServiceUnavailableException")
    }

    @Test("remarks of faults lie between the operations, and only programs may make them")
    func remarks() throws {
        let recording = try Recording()
        let body = Array("{\"type\":\"fault\",\"text\":\"f1: kill a\"}".utf8)
        for isControl in [true, false] {
            let client = FakeClient(port: recording.gateway.port, on: recording.loop)
            let builder =
                isControl
                ? HTTPRequestBuilder.control("POST", "/_atoll/remark", host: "x")
                : HTTPRequestBuilder(method: "POST", target: "/_atoll/remark", host: "x")
            client.send(builder.bytes(body: body))
            #expect(recording.wait { !client.answers.isEmpty })
            #expect(client.answers.map(\.status) == [isControl ? 200 : 403])
        }
        let history = try recording.history()
        guard history.events.count == 1, case .fault(let remark) = history.events[0] else {
            Issue.record("\(history.events)")
            return
        }
        #expect(history.names.display(remark.text) == "f1: kill a")
    }

    @Test("equal stamps of different items are different versions")
    func equalStamps() throws {
        let recording = try Recording()
        // Without a name of its own, at the stamp 18.1.
        let unnamed = putK.replacing(",\"w\":{\"S\":\"w9\"}", with: "")
        #expect(try recording.ask("PutItem", unnamed).status == 200)
        // This replaced a version of the same stamp, whose writer nobody knows.
        let other = "{\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"other\"}}}"
        #expect(try recording.ask("UpdateItem", other).status == 200)
        let history = try recording.history()
        guard history.events.count == 4, case .ok(let update) = history.events[3] else {
            Issue.record("\(history.events)")
            return
        }
        #expect(update.previous == .unknown)
    }

    @Test("a compressed request is recorded as any other, and its answer comes plain")
    func compressed() throws {
        let recording = try Recording()
        let body = try #require(Deflater.compress(Array(putK.utf8), as: .gzip))
        var builder = HTTPRequestBuilder.dynamoDB("PutItem", host: "x")
        builder.setHeader("Content-Encoding", "gzip")
        builder.setHeader("Accept-Encoding", "gzip")
        let client = FakeClient(port: recording.gateway.port, on: recording.loop)
        client.send(builder.bytes(body: body))
        #expect(recording.wait { client.answers.count == 1 })
        #expect(recording.nodes.flatMap(\.acceptedEncodings).last == "identity")
        let events = try recording.history().events
        #expect(events.count == 2)
    }

    @Test("without a history, requests reach nodes as they were sent")
    func untouched() throws {
        let loop = try EventLoop()
        let node = try FakeNode("alone", on: loop)
        let region = GatewayConfiguration.Region(
            name: "us-east-1",
            port: 0,
            nodes: [GatewayConfiguration.Node(name: node.name, port: node.port)]
        )
        let gateway = Gateway(GatewayConfiguration(port: 0, regions: [region]), on: loop)
        try gateway.start()
        let client = FakeClient(port: gateway.port, on: loop)
        client.onChange = { loop.stop() }
        client.send(HTTPRequestBuilder.dynamoDB("GetItem", host: "x").bytes(body: [0x7B, 0x7D]))
        let end = loop.timer(afterNanoseconds: 2_000_000_000) { loop.stop() }
        loop.run()
        end.cancel()
        #expect(client.answers.count == 1)
        #expect(node.historyHeaders.allSatisfy { !$0 })
    }
}

@Suite("Expressions in which a history finds the names of writes") struct ExpressionTextTests {
    private static let schema = KeySchema(
        partitionKey: KeyAttribute(name: Array("pk".utf8), type: .string)
    )

    private static func text(_ text: String) -> ExpressionText {
        let names = [("#w", "w"), ("#p", "pk")].map {
            NameBinding(placeholder: Array($0.0.utf8), name: Array($0.1.utf8))
        }
        let values: [(String, AttributeValue)] = [
            (":w", .string(Array("w3".utf8))), (":n", .number(DecimalNumber(1))),
            (":blank", .string(Array("a b".utf8))),
        ]
        let bindings = ExpressionBindings(
            names: names,
            values: values.map { ValueBinding(placeholder: Array($0.0.utf8), value: $0.1) }
        )
        return ExpressionText(Array(text.utf8), bindings)
    }

    @Test(
        arguments: [
            ("SET w = :w", "w3"), ("SET a = :n,#w=:w", "w3"), ("set w=:w remove b", "w3"),
            ("SET w = :n", nil), ("SET w = :blank", nil), ("SET ww = :w", nil),
            ("SET n = n + :n", nil), ("REMOVE w", nil), ("SET w = if_not_exists(w, :w)", nil),
            ("SET a.w = :w", nil), ("SET w = :w + :n", nil), ("w =", nil), ("=", nil), ("", nil),
        ]
    )
    func assigned(text: String, name: String?) {
        #expect(Self.text(text).assignedWrite == name)
    }

    @Test(
        arguments: [
            ("attribute_not_exists(pk)", RecordedCondition.exists(false)),
            ("attribute_exists ( #p )", .exists(true)), ("#w = :w", .previous("w3")),
            ("attribute_exists(w)", .text("attribute_exists(w)")),
            ("w = :w AND a = :n", .text("w = :w AND a = :n")), ("w = :n", .text("w = :n")),
        ]
    )
    func condition(text: String, condition: RecordedCondition) {
        #expect(Self.text(text).condition(Self.schema) == condition)
    }
}
