import Testing
import Topology

/// A file, and the faults it has without the path before them.
struct FaultCase: Sendable, CustomTestStringConvertible {
    var text: String
    var faults: [String]

    init(_ text: String, _ faults: String...) {
        self.text = text
        self.faults = faults
    }

    var testDescription: String { self.text }
}

@Suite("topology faults")
struct TopologyFaultTests {
    static func faults(_ text: String) -> [String] {
        do throws(TopologyError) {
            _ = try read(text, path: "x.yaml")
            return []
        } catch {
            return error.faults.map { String($0.description.dropFirst("x.yaml:".count)) }
        }
    }

    @Test("a fault says where it is, what was found and what is allowed", arguments: cases)
    func texts(fault: FaultCase) {
        #expect(Self.faults(fault.text) == fault.faults)
    }

    @Test("all faults are reported at once, in the order of the file")
    func all() {
        let lines = Self.faults(
            """
            regions: [us-east-1, eu-west-1]
            replication-factor: 9
            durability: dsk
            network:
              latncy: aws
              jitter: 5
            clocks:
              eu-west-2: {offset: +1s}
            ports: {gateway: 80}
            """
        ).map { $0.prefix { $0 != ":" } }
        #expect(lines == ["2", "3", "5", "6", "8", "9"])
    }

    @Test("the number of faults is bounded")
    func bounded() {
        let text = (0..<500).map { "key\($0): 1\n" }.joined()
        let faults = Self.faults(text)
        #expect(faults.count == TopologyLimits.faultsMax + 1)
        #expect(faults.last == " more faults follow; mend these first")
    }

    @Test("a hostile file cannot make reading slow or large")
    func hostile() {
        let regions = (0..<4_000).map { "r\($0)" }.joined(separator: ", ")
        let clocks = (0..<3_000).map { "us-west-\($0): {}" }.joined(separator: ", ")
        #expect(Self.faults("regions: [\(regions)]\nclocks: {\(clocks)}").count > 0)
        let long = String(repeating: "x", count: 500_000)
        #expect(Self.faults("regions: [us-east-1]\n\(long): 1").allSatisfy { $0.count < 300 })
    }

    private static let head = "regions: [us-east-1, eu-west-1]\n"
    private static let keysText =
        "name, regions, replication-factor, partitions-per-table, durability, stamps, network, "
        + "clocks, ports, default-region, control-plane-delay, ttl-sweep, item-collection-limit"
    private static let durationText = "a duration such as 70ms or 1.5s (units ns, us, ms, s, m, h)"
    private static let regionsText = "a list of regions, each a name or a mapping with 'name'"
    private static let nameText =
        "lower-case letters, digits and hyphens, beginning with a letter"
    private static let zonesText =
        "a list of 1 to 16 names of at most 8 lower-case letters, such as [a, b, c]"

    static let cases: [FaultCase] = structure + clusters + networks + others

    private static let structure = [
        FaultCase("", "1: no regions; allowed is \(regionsText)"),
        FaultCase("hello", "1: the file is 'hello'; it must be a mapping (key: value)"),
        FaultCase("- a", "1: the file is a list; it must be a mapping (key: value)"),
        FaultCase(
            head + "networc: {}",
            "2: unknown key 'networc'; did you mean 'network'?"
        ),
        FaultCase(head + "colour: red", "2: unknown key 'colour'; known keys are \(keysText)"),
        FaultCase(
            head + "network:\n  latncy: aws",
            "3: unknown key 'latncy' under network; did you mean 'latency'?"
        ),
        FaultCase(
            head + "stamps: wall\nstamps: wall",
            "3: key 'stamps' again, first on line 2; once is allowed"
        ),
        FaultCase(
            head + "durability: [",
            "3:1: not YAML: did not find expected node content"
        ),
        FaultCase(head + "network: 5", "2: network is '5'; it must be a mapping (key: value)"),
        FaultCase(
            head + "\"bad\\nkey\\u009b\": 1",
            "2: unknown key 'bad?key?'; known keys are \(keysText)"
        ),
        FaultCase(
            head + "name: &a x",
            "2:7: an anchor (&name); anchors and aliases are not read, write the value out"
        ),
    ]

    private static let clusters = [
        FaultCase("regions: []", "1: regions is an empty list; allowed is \(regionsText)"),
        FaultCase("regions: us-east-1", "1: regions is 'us-east-1'; allowed is \(regionsText)"),
        FaultCase("regions:", "1: regions is empty; allowed is \(regionsText)"),
        FaultCase(
            "regions: [US_East]",
            "1: a region's name is 'US_East'; allowed is a name of \(nameText), at most 32 bytes"
        ),
        FaultCase("regions:\n  - nodes: 3", "2: a region without 'name'; allowed is \(nameText)"),
        FaultCase(
            "regions:\n  - us-east-1\n  - us-east-1",
            "3: region 'us-east-1' again, first on line 2; names must differ"
        ),
        FaultCase(
            "regions:\n  - us-est-1\n  - us-west-2",
            "2: no round trip from 'us-est-1' to 'us-west-2' is known (latency: aws); allowed are "
                + "AWS regions, or under network 'round-trip' for every such pair, or another "
                + "'latency'; did you mean 'us-east-1'?"
        ),
        FaultCase(
            "regions: [{name: mars, nodes: 0}]",
            "1: nodes of mars is '0'; allowed is a whole number from 1 to 64"
        ),
        FaultCase(
            "regions: [{name: mars, zones: 3}]",
            "1: zones of mars is '3'; allowed is \(zonesText)"
        ),
        FaultCase(
            "regions: [{name: mars, zones: [a, a, b]}]\nreplication-factor: 1",
            "1: zone 'a' of mars again; names must differ"
        ),
        FaultCase(
            "regions: [{name: mars, zones: [a, B]}]\nreplication-factor: 1",
            "1: a zone of mars is 'B'; allowed is \(zonesText)"
        ),
        FaultCase(
            "regions: [{name: mars, nodes: 3, zones: [a, b, c, d]}]",
            "1: zone 'd' of mars gets no node, as the region has 3; allowed are at most as many "
                + "zones as nodes"
        ),
        FaultCase(
            "regions: [mars, mars-a]\nnetwork: {latency: none}",
            "1: a node of region 'mars' is named 'mars-a', as a region is; names must differ"
        ),
        FaultCase(
            "regions: [{name: mars, nodes: 2}]",
            "1: replication-factor is 3 (the default) and region 'mars' has 2 nodes; allowed is at "
                + "most the nodes of the smallest region"
        ),
        FaultCase(
            head + "replication-factor: 4",
            "2: replication-factor is 4 and region 'us-east-1' has 3 nodes; allowed is at most the "
                + "nodes of the smallest region",
            "2: replication-factor is 4 and region 'eu-west-1' has 3 nodes; allowed is at most the "
                + "nodes of the smallest region"
        ),
        FaultCase(
            head + "replication-factor: three",
            "2: replication-factor is 'three'; allowed is a whole number from 1 to 7"
        ),
        FaultCase(
            head + "partitions-per-table: 0",
            "2: partitions-per-table is '0'; allowed is a whole number from 1 to 256"
        ),
        FaultCase(
            "regions: [{name: mars, nodes: 64}, {name: venus, nodes: 64}, {name: earth, nodes: 64},"
                + " {name: io, nodes: 64}, {name: moon, nodes: 64}]\n"
                + "network: {latency: none}\nports: {peers: 9000}",
            "1: 320 nodes; allowed are at most 256"
        ),
    ]

    private static let networks = [
        FaultCase(
            head + "network: {jitter: 5}",
            "2: jitter is '5', without a unit; allowed is \(durationText)"
        ),
        FaultCase(
            head + "network: {zones: 0}",
            "2: zones is '0', without a unit; allowed is \(durationText)"
        ),
        FaultCase(
            head + "network: {jitter: 5sec}",
            "2: jitter is '5sec', with the unknown unit 'sec'; allowed is \(durationText)"
        ),
        FaultCase(
            head + "network: {jitter: 61s}",
            "2: jitter is '61s', out of range; allowed is 0ms to 60s"
        ),
        FaultCase(
            head + "network: {jitter: -5ms}",
            "2: jitter is '-5ms'; allowed is \(durationText)"
        ),
        FaultCase(
            head + "network: {jitter: []}",
            "2: jitter is a list; allowed is \(durationText)"
        ),
        FaultCase(
            head + "network: {loss: 100%}",
            "2: loss is '100%', out of range; allowed is 0% to 90%"
        ),
        FaultCase(
            head + "network: {loss: 0.01}",
            "2: loss is '0.01', without a unit; allowed is a share such as 0.1% or 500ppm "
                + "(units %, ppm)"
        ),
        FaultCase(
            head + "network: {bandwidth: 0bit}",
            "2: bandwidth is '0bit', out of range; allowed is 1kbit to 1000Gbit"
        ),
        FaultCase(
            head + "network: {latency: awss}",
            "2: latency is 'awss'; allowed is aws (measured round trips), none, or a one-way delay "
                + "such as 35ms; did you mean 'aws'?"
        ),
        FaultCase(
            head + "network: {latency: 35}",
            "2: latency is '35', without a unit; allowed is \(durationText)"
        ),
        FaultCase(
            head + "network:\n  round-trip:\n    us-east-1: {eu-west-2: 70ms}",
            "3: round-trip lacks us-east-1 to eu-west-1; allowed is every pair, or a 'latency' for "
                + "those that are not named",
            "4: unknown region 'eu-west-2' under round-trip; did you mean 'eu-west-1'?"
        ),
        FaultCase(
            head + "network:\n  round-trip:\n    us-east-1: {eu-west-1: 70ms}\n"
                + "    eu-west-1: {us-east-1: 80ms}",
            "5: round-trip eu-west-1 to us-east-1 again, first on line 4; a round trip counts for "
                + "both directions ('links' sets one)"
        ),
        FaultCase(
            head + "network:\n  latency: aws\n  round-trip: {us-east-1: {us-east-1: 1ms}}",
            "4: round-trip us-east-1 to us-east-1 is of a region to itself; allowed are two regions"
        ),
        FaultCase(
            head + "network:\n  links:\n    - {from: us-east-1, too: eu-west-1, loss: 1%}",
            "4: unknown key 'too' in a link; did you mean 'to'?",
            "4: a link without 'to'; allowed is a region of this file"
        ),
        FaultCase(
            head + "network:\n  links:\n    - {from: us-east-1, to: eu-west-1}",
            "4: a link that changes nothing; allowed are latency, jitter, loss, bandwidth"
        ),
        FaultCase(
            head + "network:\n  links:\n    - {from: us-east-1, to: us-east-1, loss: 1%}",
            "4: a link from a region to itself; allowed are two regions"
        ),
        FaultCase(
            head + "network:\n  links:\n    - {from: us-east-1, to: eu-west-1, loss: 1%}\n"
                + "    - {from: us-east-1, to: eu-west-1, loss: 2%}",
            "5: the link us-east-1 to eu-west-1 again, first on line 4; once is allowed"
        ),
        FaultCase(
            head + "network:\n  links:\n    - {from: us-east-1, to: mars, loss: 1%}",
            "4: unknown region 'mars' in a link; regions are us-east-1, eu-west-1"
        ),
    ]

    private static let others = [
        FaultCase(
            head + "durability: dsk",
            "2: durability is 'dsk'; allowed are process, disk, memory; did you mean 'disk'?"
        ),
        FaultCase(
            head + "stamps: lamport",
            "2: stamps is 'lamport'; allowed are hybrid, wall"
        ),
        FaultCase(
            head + "clocks:\n  eu-west-1-d: {offset: +1s}",
            "3: 'eu-west-1-d' under clocks is neither a region nor a node; did you mean "
                + "'eu-west-1-a'?"
        ),
        FaultCase(
            head + "clocks:\n  eu-west-1: {offset: 5}",
            "3: offset of eu-west-1 is '5', without a unit; allowed is a duration such as +120ms "
                + "or -2s (units ns, us, ms, s, m, h)"
        ),
        FaultCase(
            head + "clocks:\n  eu-west-1: {drift: 1.5ppm}",
            "3: drift of eu-west-1 is '1.5ppm', finer than the smallest unit; allowed is a drift "
                + "such as 40ppm or -40ppm (unit ppm, whole)"
        ),
        FaultCase(
            head + "clocks:\n  eu-west-1: {drift: 200000ppm}",
            "3: drift of eu-west-1 is '200000ppm', out of range; allowed is -100000ppm to "
                + "+100000ppm"
        ),
        FaultCase(
            head + "default-region: eu-wets-1",
            "2: default-region is 'eu-wets-1'; allowed is a region of this file; did you mean "
                + "'eu-west-1'?"
        ),
        FaultCase(
            head + "ports: {gateway: 80}",
            "2: port of gateway is '80'; allowed is a whole number from 1024 to 65535"
        ),
        FaultCase(
            head + "ports: {gatway: 8080}",
            "2: unknown key 'gatway' under ports; did you mean "
                + "'gateway'?"
        ),
        FaultCase(
            head + "ports:\n  nodes: 8100\n  peers: 8105",
            "4: ports of nodes (8100 to 8105) and of peers (8105 to 8110) overlap; allowed are "
                + "runs apart, set 'ports' so"
        ),
        FaultCase(
            head + "ports:\n  control: 8002",
            "3: ports of regions (8001 to 8002) and of control (8002) overlap; allowed are runs "
                + "apart, set 'ports' so"
        ),
        FaultCase(
            head + "ports:\n  peers: 65532",
            "3: ports of peers (65532 to 65537) end beyond 65535; begin lower"
        ),
        FaultCase(
            head + "name: My Cluster",
            "2: name is 'My Cluster'; allowed are \(nameText), at most 40 bytes"
        ),
    ]
}
