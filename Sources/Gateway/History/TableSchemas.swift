import DataModel
import EventLoop
import Wire

/// The keys of the tables whose items requests name: a put does not say which of its attributes are
/// the key, so a node is asked once per table and region.
final class TableSchemas {
    enum Finding {
        case known(KeySchema)
        /// The region has no such table.
        case absent
        /// No node said anything.
        case unreachable
    }

    private struct Place: Hashable {
        var region: String
        var table: String
    }

    private let loop: EventLoop
    private var known: [Place: KeySchema] = [:]
    private var waiting: [Place: [(Finding) -> Void]] = [:]
    /// Tables that are remembered; with more, all are looked up anew.
    private static let knownMax = 10_000

    init(on loop: EventLoop) { self.loop = loop }

    func schema(_ table: String, _ region: Region) -> KeySchema? {
        self.known[Place(region: region.name, table: table)]
    }

    /// A table was made or dropped somewhere: its name may mean another table now.
    func forget(_ table: String) {
        for place in self.known.keys where place.table == table { self.known[place] = nil }
    }

    /// Asks the region's nodes, one after another until one knows.
    func find(_ table: String, _ region: Region, _ done: @escaping (Finding) -> Void) {
        let place = Place(region: region.name, table: table)
        self.waiting[place, default: []].append(done)
        guard self.waiting[place]?.count == 1 else { return }
        let nodes =
            region.nodes.filter { $0.health == .healthy }
            + region.nodes.filter { $0.health == .suspect }
        TableLookup(table, nodes.map(\.port), self.loop) { finding in
            if case .known(let schema) = finding {
                if self.known.count >= Self.knownMax { self.known.removeAll() }
                self.known[place] = schema
            }
            for done in self.waiting.removeValue(forKey: place) ?? [] { done(finding) }
        }.start()
    }
}

/// One question for a table's key; alive until it is answered.
private final class TableLookup {
    private static let patience: UInt64 = 1_000_000_000

    private let table: String
    private var ports: ArraySlice<UInt16>
    private let loop: EventLoop
    private var done: ((TableSchemas.Finding) -> Void)?
    private var tcp: TCPConnection?
    private var timer: LoopTimer?
    private var parser = ResponseParser()
    /// Counts the nodes that were asked, so that late words of an earlier one are not heard.
    private var round = 0

    init(
        _ table: String,
        _ ports: [UInt16],
        _ loop: EventLoop,
        _ done: @escaping (TableSchemas.Finding) -> Void
    ) {
        self.table = table
        self.ports = ports[...]
        self.loop = loop
        self.done = done
    }

    func start() {
        self.tcp?.abort()
        self.tcp = nil
        self.timer?.cancel()
        self.round += 1
        guard let port = self.ports.popFirst() else { return self.finish(.unreachable) }
        let round = self.round
        self.timer = self.loop.timer(afterNanoseconds: Self.patience) { self.start() }
        self.loop.connect(port: port) { result in
            guard round == self.round, self.done != nil else {
                if case .success(let tcp) = result { tcp.abort() }
                return
            }
            switch result {
            case .success(let tcp): self.ask(tcp, round)
            case .failure: self.start()
            }
        }
    }

    private func ask(_ tcp: TCPConnection, _ round: Int) {
        self.tcp = tcp
        self.parser = ResponseParser()
        tcp.onRead = { bytes in
            guard round == self.round else { return }
            self.parser.append(bytes)
            do throws(HTTPError) {
                guard let response = try self.parser.next() else { return }
                self.read(response)
            } catch {
                self.start()
            }
        }
        tcp.onClose = { _ in if round == self.round { self.start() } }
        let body: JSONValue = ["TableName": .string(self.table)]
        let request = HTTPRequestBuilder.dynamoDB("DescribeTable", host: "127.0.0.1")
        tcp.write(request.bytes(body: body.serialized()))
    }

    private func read(_ response: HTTPResponse) {
        let body = Array(self.parser.bytes[response.body])
        guard let json = try? JSONValue(parsing: body) else { return self.start() }
        if response.status == 200, let schema = Self.schema(json) {
            self.finish(.known(schema))
        } else if json["__type"]?.string?.hasSuffix("#ResourceNotFoundException") == true {
            self.finish(.absent)
        } else {
            self.start()
        }
    }

    private func finish(_ finding: TableSchemas.Finding) {
        self.round += 1
        self.timer?.cancel()
        self.tcp?.abort()
        self.tcp = nil
        let done = self.done
        self.done = nil
        done?(finding)
    }

    /// Reads a `DescribeTable` answer.
    private static func schema(_ answer: JSONValue) -> KeySchema? {
        guard let table = answer["Table"], let elements = table["KeySchema"]?.array else {
            return nil
        }
        func attribute(_ role: String) -> KeyAttribute? {
            guard let element = elements.first(where: { $0["KeyType"]?.string == role }),
                let name = element["AttributeName"]?.string,
                let definition = table["AttributeDefinitions"]?.array?.first(where: {
                    $0["AttributeName"]?.string == name
                })
            else { return nil }
            let type: ScalarKeyType
            switch definition["AttributeType"]?.string {
            case "S": type = .string
            case "N": type = .number
            case "B": type = .binary
            default: return nil
            }
            return KeyAttribute(name: Array(name.utf8), type: type)
        }
        guard let partition = attribute("HASH") else { return nil }
        return KeySchema(partitionKey: partition, sortKey: attribute("RANGE"))
    }
}
