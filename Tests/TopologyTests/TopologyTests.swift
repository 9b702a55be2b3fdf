import Foundation
import Placement
import Primitives
import Testing
import Topology

/// The folder with the topologies that the project ships.
let shippedFolder =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "topologies").path

func read(_ text: String, path: String = "test.yaml") throws(TopologyError) -> Topology {
    try Topology(yaml: Array(text.utf8), path: path)
}

@Suite("topology")
struct TopologyTests {
    static let files = TopologyFiles(folders: [shippedFolder])

    @Test(
        "every shipped topology loads",
        arguments: [
            ("three-regions", 3, 9, 3), ("one-region", 1, 3, 3), ("five-regions", 5, 15, 3),
            ("two-small", 2, 2, 1), ("global-ten", 10, 30, 3),
        ]
    )
    func shipped(name: String, regions: Int, nodes: Int, factor: Int) throws {
        let topology = try Topology.load(nameOrPath: name, files: Self.files)
        #expect(topology.name == name)
        #expect(topology.regions.count == regions)
        #expect(topology.nodes.count == nodes)
        #expect(topology.replicationFactor == factor)
        #expect(topology.durability == .process)
        #expect(topology.stamps == .hybrid)
        #expect(topology.partitionsPerTable == 4)
        #expect(topology.region(topology.defaultRegion).name == "us-east-1")
        for (index, node) in topology.nodes.enumerated() {
            #expect(Int(node.id.index) == index)
            #expect(topology.region(node.region).nodes.contains(node.id))
            #expect(topology.nodes(matching: node.name) == [node.id])
        }
        for source in topology.regions {
            for target in topology.regions where source.id != target.id {
                #expect(topology.roundTrip(source.id, target.id) > 9_000_000)
            }
        }
    }

    @Test("no topology is shipped that is not tested")
    func allShipped() {
        let tested = ["five-regions", "global-ten", "one-region", "three-regions", "two-small"]
        #expect(Self.files.names == tested)
    }

    @Test("the default topology has the nodes, zones and ports that the manual names")
    func defaults() throws {
        let topology = try Topology.load(nameOrPath: "three-regions", files: Self.files)
        #expect(topology.regions.map(\.name) == ["us-east-1", "eu-west-1", "ap-northeast-1"])
        #expect(topology.regions.map(\.port) == [8001, 8002, 8003])
        #expect(topology.gatewayPort == 8000)
        #expect(topology.controlPort == 8090)
        let names = topology.nodes.map(\.name)
        #expect(names[..<4] == ["us-east-1-a", "us-east-1-b", "us-east-1-c", "eu-west-1-a"])
        #expect(topology.nodes.map(\.clientPort) == Array(8100...8108))
        #expect(topology.nodes.map(\.peerPort) == Array(8200...8208))
        #expect(topology.nodes.allSatisfy { $0.clock == .exact })
        #expect(topology.node(named: "eu-west-1-b")?.zone == "b")
        #expect(topology.ring(of: RegionID(1)).members.map(\.zone) == ["a", "b", "c"])
    }

    @Test("a word of a command means a node, a region, a zone or all")
    func selectors() throws {
        let topology = try read("regions: [{name: us-east-1, nodes: 4, zones: [a, b]}, eu-west-1]")
        let ids = { (range: Range<UInt16>) in range.map { NodeID($0) } }
        #expect(topology.nodes(matching: "all") == ids(0..<7))
        #expect(topology.nodes(matching: "eu-west-1") == ids(4..<7))
        #expect(topology.nodes(matching: "us-east-1b") == [NodeID(1), NodeID(3)])
        #expect(topology.nodes(matching: "us-east-1/a") == [NodeID(0), NodeID(2)])
        #expect(topology.nodes(matching: "us-east-1-a2") == [NodeID(2)])
        #expect(topology.nodes(matching: "us-east-1-c") == nil)
        for word in topology.selectorWords { #expect(topology.nodes(matching: word) != nil) }
    }

    // MARK: Network

    @Test("delays are half of the measured round trips")
    func measured() throws {
        #expect(RegionDistances.regions.count == 33)
        #expect(RegionDistances.roundTrip("us-east-1", "eu-west-1") == 69_650_000)
        #expect(RegionDistances.roundTrip("eu-west-1", "us-east-1") == 69_650_000)
        #expect(RegionDistances.roundTrip("us-east-1", "us-east-1") == 0)
        #expect(RegionDistances.roundTrip("us-east-1", "ap-northeast-1") == 149_600_000)
        #expect(RegionDistances.roundTrip("us-east-1", "mars") == nil)
        for source in RegionDistances.regions {
            for target in RegionDistances.regions where source != target {
                let whole = try #require(RegionDistances.roundTrip(source, target))
                #expect(whole > 5_000_000 && whole < 500_000_000)
            }
        }
        let topology = try Topology.load(nameOrPath: "three-regions", files: Self.files)
        let link = topology.linkSettings(from: NodeID(0), to: NodeID(3))
        #expect(link == LinkSettings(latency: 34_825_000))
        #expect(topology.linkSettings(from: NodeID(0), to: NodeID(1)) == .instant)
    }

    @Test("the network can be none, one delay, or a matrix")
    func kinds() throws {
        let regions = "regions: [mars, venus, earth]\n"
        let none = try read(regions + "network: {latency: none}")
        #expect(none.linkSettings(from: RegionID(0), to: RegionID(2)) == .instant)
        let uniform = try read(regions + "network: {latency: 35ms}")
        #expect(uniform.roundTrip(RegionID(0), RegionID(2)) == 70_000_000)
        let matrix = try read(
            regions
                + """
                network:
                  round-trip:
                    mars: {venus: 70ms, earth: 1.5s}
                    earth: {venus: 250us}
                """
        )
        #expect(matrix.roundTrip(RegionID(1), RegionID(0)) == 70_000_000)
        #expect(matrix.roundTrip(RegionID(0), RegionID(2)) == 1_500_000_000)
        #expect(matrix.linkSettings(from: RegionID(1), to: RegionID(2)).latency == 125_000)
        let partial = try read(
            regions + "network: {latency: none, round-trip: {mars: {venus: 70ms}}}"
        )
        #expect(partial.roundTrip(RegionID(0), RegionID(1)) == 70_000_000)
        #expect(partial.roundTrip(RegionID(0), RegionID(2)) == 0)
        let mixed = try read(
            """
            regions: [us-east-1, eu-west-1, mars]
            network: {latency: aws, round-trip: {mars: {us-east-1: 10s, eu-west-1: 11s}}}
            """
        )
        #expect(mixed.roundTrip(RegionID(0), RegionID(1)) == 69_650_000)
        #expect(mixed.roundTrip(RegionID(1), RegionID(2)) == 11_000_000_000)
    }

    @Test("quality applies between regions, and a link overrides one direction")
    func quality() throws {
        let topology = try read(
            """
            regions: [us-east-1, eu-west-1]
            network:
              latency: aws
              zones: 0.5ms
              jitter: 2ms
              loss: 0.1%
              bandwidth: 50Mbit
              links:
                - {from: us-east-1, to: eu-west-1, latency: 100ms, loss: 1%}
            """
        )
        let there = topology.linkSettings(from: NodeID(0), to: NodeID(3))
        #expect(
            there
                == LinkSettings(
                    latency: 100_000_000,
                    jitter: 2_000_000,
                    lossPerMillion: 10_000,
                    bandwidth: 6_250_000
                )
        )
        let back = topology.linkSettings(from: NodeID(3), to: NodeID(0))
        #expect(
            back
                == LinkSettings(
                    latency: 34_825_000,
                    jitter: 2_000_000,
                    lossPerMillion: 1_000,
                    bandwidth: 6_250_000
                )
        )
        #expect(topology.roundTrip(RegionID(0), RegionID(1)) == 134_825_000)
        let zones = topology.linkSettings(from: NodeID(0), to: NodeID(1))
        #expect(zones == LinkSettings(latency: 500_000))
        #expect(topology.linkSettings(from: NodeID(0), to: NodeID(0)) == .instant)
    }

    @Test("nodes of one zone are not apart")
    func sameZone() throws {
        let topology = try read(
            "regions: [{name: mars, nodes: 4, zones: [a, b]}]\nnetwork: {zones: 1ms}"
        )
        #expect(topology.linkSettings(from: NodeID(0), to: NodeID(2)) == .instant)
        #expect(topology.linkSettings(from: NodeID(0), to: NodeID(3)).latency == 1_000_000)
    }

    // MARK: The rest

    @Test("a node's clock is its region's, with what is its own")
    func clocks() throws {
        let topology = try read(
            """
            regions: [us-east-1, eu-west-1]
            clocks:
              eu-west-1-b: {drift: -7ppm}
              eu-west-1: {offset: +120ms, drift: 40ppm}
              us-east-1-a: {offset: -2s}
            """
        )
        let clocks = topology.nodes.map(\.clock)
        #expect(clocks[0] == ClockSettings(offsetNanoseconds: -2_000_000_000))
        #expect(clocks[1] == .exact)
        #expect(clocks[3] == ClockSettings(offsetNanoseconds: 120_000_000, driftPPM: 40))
        #expect(clocks[4] == ClockSettings(offsetNanoseconds: 120_000_000, driftPPM: -7))
    }

    @Test("every key is read")
    func everyKey() throws {
        let topology = try read(
            """
            name: mine
            regions: [{name: us-east-1, nodes: 5, zones: [a, b]}, eu-west-1]
            replication-factor: 2
            partitions-per-table: 16
            durability: disk
            stamps: wall
            default-region: eu-west-1
            ports: {gateway: 9000, regions: 9010, nodes: 9100, peers: 9200, control: 9300}
            """
        )
        #expect(topology.name == "mine")
        #expect(topology.replicationFactor == 2)
        #expect(topology.partitionsPerTable == 16)
        #expect(topology.durability == .disk)
        #expect(topology.stamps == .wall)
        #expect(topology.defaultRegion == RegionID(1))
        #expect(topology.gatewayPort == 9000)
        #expect(topology.controlPort == 9300)
        #expect(topology.regions.map(\.port) == [9010, 9011])
        #expect(topology.nodes.map(\.clientPort) == Array(9100...9107))
        #expect(topology.nodes.map(\.peerPort) == Array(9200...9207))
        let nodes = topology.nodes.prefix(5).map(\.name)
        #expect(
            nodes == [
                "us-east-1-a", "us-east-1-b", "us-east-1-a2", "us-east-1-b2", "us-east-1-a3",
            ]
        )
    }

    @Test("the file's name is the cluster's when it says none")
    func defaultName() throws {
        let text = "regions: [mars]"
        #expect(try read(text, path: "/a/b/mine.yaml").name == "mine")
        #expect(try read(text, path: "other.yml").name == "other")
    }
}
