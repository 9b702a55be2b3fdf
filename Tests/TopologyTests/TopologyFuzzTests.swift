import Foundation
import Primitives
import Testing
import Topology

/// Bytes that look like topologies, bent in many ways.
private struct Mutator {
    var random: SplitMix64
    let seeds: [[UInt8]]
    static let words: [[UInt8]] = [
        "regions:", "network:", "clocks:", "ports:", "links:", "round-trip:", "latency:", "name:",
        "zones:", "nodes:", "us-east-1", "eu-west-1", "70ms", "0.1%", "50Mbit", "+120ms", "40ppm",
        "aws", "none", "[", "]", "{", "}", "- ", ": ", "\n", "\n  ", "\t", "&a ", "*a", "!!str ",
        "---\n", "...\n", "'", "\"", "#", "| ", "> ", "? ", "%YAML 1.1\n", "<<: ", "\u{FEFF}", "~",
        "99999999999999999999", "-1", "18446744073709551615", "\\x", "\r", "\u{85}", "\u{2028}",
    ].map { Array($0.utf8) }

    mutating func next() -> [UInt8] {
        var bytes = self.seeds[self.below(self.seeds.count)]
        for _ in 0...self.below(4) { self.bend(&bytes) }
        return bytes
    }

    private mutating func bend(_ bytes: inout [UInt8]) {
        let start = self.below(bytes.count + 1)
        let length = min(self.below(12), bytes.count - start)
        switch self.below(7) {
        case 0: bytes.replaceSubrange(start..<start + length, with: self.word())
        case 1: bytes.insert(contentsOf: self.word(), at: start)
        case 2: bytes.removeSubrange(start..<start + length)
        case 3:
            guard start < bytes.count else { return }
            bytes[start] = UInt8(truncatingIfNeeded: self.random.next())
        case 4: bytes.insert(contentsOf: bytes[start..<start + length], at: start)
        case 5: bytes.removeLast(bytes.count - start)
        default:
            let piece = Array(bytes[start..<start + length])
            for _ in 0..<self.below(30) { bytes.insert(contentsOf: piece, at: start) }
        }
    }

    private mutating func word() -> [UInt8] { Self.words[self.below(Self.words.count)] }

    private mutating func below(_ bound: Int) -> Int {
        bound <= 1 ? 0 : Int(self.random.below(UInt64(bound)))
    }
}

@Suite("topology fuzzing")
struct TopologyFuzzTests {
    private static let seeds: [[UInt8]] = [
        """
        name: a
        regions: [us-east-1, eu-west-1]
        replication-factor: 3
        durability: disk
        """,
        """
        regions:
          - {name: us-east-1, nodes: 4, zones: [a, b]}
          - mars
        network:
          latency: aws
          round-trip: {us-east-1: {mars: 70ms}}
          jitter: 2ms
        """,
        """
        regions: [us-east-1, eu-west-1]
        network:
          zones: 0.5ms
          loss: 0.1%
          bandwidth: 50Mbit
          links: [{from: us-east-1, to: eu-west-1, loss: 1%}]
        """,
        """
        regions: [us-east-1]
        clocks: {us-east-1: {offset: +120ms, drift: 40ppm}}
        ports: {gateway: 8000, nodes: 8100}
        stamps: wall
        default-region: us-east-1
        """,
    ].map { Array($0.utf8) }

    /// Four arguments of 25,000 inputs each, so that a failing seed is named and they share cores.
    @Test("any bytes give a topology or faults", arguments: 1...4)
    func anyBytes(seed: UInt64) {
        var mutator = Mutator(random: SplitMix64(seed: seed), seeds: Self.seeds)
        var valid = 0
        for number in 0..<25_000 {
            let bytes = mutator.next()
            do throws(TopologyError) {
                let topology = try Topology(yaml: bytes, path: "f.yaml")
                valid += 1
                // Everything that a valid topology offers must work.
                let last = topology.nodes[topology.nodes.count - 1].id
                _ = topology.linkSettings(from: NodeID(0), to: last)
                #expect(topology.nodes.count >= topology.replicationFactor)
            } catch {
                let isSound =
                    !error.faults.isEmpty && error.faults.count <= TopologyLimits.faultsMax + 1
                    && error.faults.allSatisfy { !$0.message.contains("\n") }
                if !isSound { Issue.record("seed \(seed) input \(number): \(error)") }
            }
        }
        #expect(valid > 500, "mutation of seed \(seed) leaves too little valid: \(valid)")
        #expect(valid < 20_000, "mutation of seed \(seed) breaks too little: \(valid)")
    }

    @Test("random bytes are refused, not read", arguments: 1...4)
    func noise(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            let bytes = (0..<Int(random.below(200))).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            #expect(throws: TopologyError.self) { try Topology(yaml: bytes, path: "f.yaml") }
        }
    }
}
