import Foundation
import Testing
import Topology

@Suite("topology commands")
struct TopologyCommandTests {
    static let files = TopologyFiles(folders: [shippedFolder])

    private func run(_ words: String...) -> CommandResult {
        TopologyCommand.run(words, files: Self.files)
    }

    @Test("check names what is there")
    func checkValid() {
        let result = self.run("check", "three-regions")
        #expect(result.exitCode == 0)
        #expect(
            result.output
                == "\(shippedFolder)/three-regions.yaml: ok: 3 regions, 9 nodes, "
                + "replication factor 3\n"
        )
        #expect(
            self.run("check", "one-region", "two-small").output.split(separator: "\n").count == 2
        )
    }

    @Test("check prints every fault, their number, and fails")
    func checkInvalid() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "bad.yaml").path
        try Data("regions: [mars]\nstamps: x\ndurability: y\n".utf8).write(
            to: URL(filePath: path)
        )
        let result = self.run("check", path)
        #expect(result.exitCode == 1)
        #expect(
            result.output == """
                \(path):2: stamps is 'x'; allowed are hybrid, wall
                \(path):3: durability is 'y'; allowed are process, disk, memory
                2 faults

                """
        )
        #expect(self.run("check", path, "one-region").exitCode == 1)
        let files = TopologyFiles(folders: [folder.path])
        #expect(files.names == ["bad"])
        #expect(TopologyCommand.check("bad", files: files) == result)
        #expect(try files.path(of: "bad") == path)
        #expect(throws: TopologyError.self) { try files.path(of: folder.path) }
    }

    @Test("an unknown name lists those that there are")
    func unknownName() {
        let result = self.run("show", "three-region")
        #expect(result.exitCode == 1)
        #expect(
            result.output
                == "topology 'three-region': unknown; there are five-regions, global-ten, "
                + "one-region, three-regions, two-small, or name a file; "
                + "did you mean 'three-regions'?\n"
        )
        #expect(
            self.run("check", "./nowhere.yaml").output
                == "./nowhere.yaml: no such file; allowed is a topology's name or file\n"
        )
        #expect(self.run("check", "").exitCode == 1)
        #expect(self.run("check", "/dev/zero").output.contains("larger than 1024 KiB"))
    }

    @Test("wrong words print the usage and fail")
    func usage() {
        #expect(self.run().exitCode == 2)
        #expect(self.run("chekc", "x").exitCode == 2)
        #expect(self.run("show").exitCode == 2)
        #expect(
            self.run("help") == CommandResult(output: TopologyCommand.usage + "\n", exitCode: 0)
        )
    }

    @Test("list names each topology on a line")
    func list() {
        #expect(self.run("list").output.hasSuffix("three-regions\ntwo-small\n"))
    }

    @Test("show prints regions, nodes and round trips")
    func show() throws {
        let topology = try Topology(
            yaml: Array(
                """
                name: pair
                regions: [us-east-1, {name: eu-west-1, nodes: 1, zones: [x]}]
                replication-factor: 1
                network:
                  zones: 0.5ms
                  links: [{from: eu-west-1, to: us-east-1, loss: 1%, bandwidth: 50Mbit}]
                clocks: {eu-west-1: {offset: +120ms, drift: 40ppm}}
                """.utf8
            ),
            path: "pair.yaml"
        )
        #expect(
            topology.table == """
                pair  (pair.yaml)
                  replication factor 1, 4 partitions per table, durability process, stamps hybrid
                  gateway http://127.0.0.1:8000, control port 8090, default region us-east-1

                  rank  region     endpoint               nodes  zones
                     0  us-east-1  http://127.0.0.1:8001      3  a b c
                     1  eu-west-1  http://127.0.0.1:8002      1  x

                  node         zone  client  peer  ring share  clock
                  us-east-1-a  a       8100  8200       33.9%  exact
                  us-east-1-b  b       8101  8201       32.7%  exact
                  us-east-1-c  c       8102  8202       33.3%  exact
                  eu-west-1-x  x       8103  8203      100.0%  +120ms +40ppm

                  round trips asked, ms
                             us-east-1  eu-west-1
                  us-east-1          ·      69.65
                  eu-west-1      69.65          ·

                  between zones of a region, one way 500us

                  from       to          one way  jitter  loss  bandwidth
                  eu-west-1  us-east-1  34.825ms     0ms    1%     50Mbit

                """
        )
    }

    @Test("JSON is JSON, and holds what the table holds")
    func json() throws {
        let result = self.run("show", "--json", "global-ten")
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
        let root = try #require(object as? [String: Any])
        #expect(root["name"] as? String == "global-ten")
        let regions = try #require(root["regions"] as? [[String: Any]])
        #expect(regions.count == 10)
        let nodes = try #require(regions[1]["nodes"] as? [[String: Any]])
        #expect(nodes[0]["name"] as? String == "us-west-2-a")
        #expect(nodes[0]["clientPort"] as? Int == 8103)
        let links = try #require(root["links"] as? [[String: Any]])
        #expect(links.count == 90)
        #expect(links[0]["bandwidthBytes"] is NSNull)
        let quoted = try Topology(yaml: Array("name: x\nregions: [m]".utf8), path: "a\"\\\n\u{1}.y")
        let text = try JSONSerialization.jsonObject(with: Data(quoted.json.utf8))
        #expect((text as? [String: Any])?["path"] as? String == "a\"\\\n\u{1}.y")
    }
}
