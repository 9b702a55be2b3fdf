import Placement
import Primitives
import Testing

/// A ring as slow and plain as it can be said: every point in one list, walked from the token.
private struct NaiveRing {
    var members: [RingMember]
    var tokensPerNode: Int

    func replicas(for token: Token, count: Int) -> [NodeID] {
        var points: [(distance: UInt64, member: RingMember)] = []
        for member in self.members {
            for number in 1...self.tokensPerNode {
                let point = XXHash64.hash(Array(member.name.utf8), seed: UInt64(number))
                points.append((point &- token, member))
            }
        }
        points.sort { ($0.distance, $0.member.node) < ($1.distance, $1.member.node) }
        var chosen: [RingMember] = []
        for (_, member) in points where chosen.count < count {
            if !chosen.contains(where: { $0.zone == member.zone }) { chosen.append(member) }
        }
        for (_, member) in points where chosen.count < count {
            if !chosen.contains(member) { chosen.append(member) }
        }
        return chosen.map(\.node)
    }
}

func members(_ count: Int, zones: Int, prefix: String = "us-east-1") -> [RingMember] {
    (0..<count).map { index in
        RingMember(
            node: NodeID(UInt16(index)),
            name: "\(prefix)-\(index)",
            zone: "\(index % zones)"
        )
    }
}

@Suite("hash ring")
struct HashRingTests {
    @Test("replicas are those of a naive ring", arguments: 0..<60)
    func agreesWithModel(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let count = Int(random.below(12)) + 1
        let zones = Int(random.below(5)) + 1
        let members = members(count, zones: zones, prefix: "r\(seed)").shuffled(using: &random)
        let tokens = Int(random.below(40)) + 1
        let ring = HashRing(members, tokensPerNode: tokens)
        let model = NaiveRing(members: members, tokensPerNode: tokens)
        for _ in 0..<50 {
            let token = random.next()
            let wanted = Int(random.below(6)) + 1
            #expect(
                ring.replicas(for: token, count: wanted)
                    == model.replicas(for: token, count: wanted),
                "seed \(seed) token \(token)"
            )
        }
    }

    @Test("a point belongs to itself, and the circle wraps")
    func edges() {
        let members = members(5, zones: 5)
        let ring = HashRing(members, tokensPerNode: 3)
        let model = NaiveRing(members: members, tokensPerNode: 3)
        var tokens: [Token] = [0, 1, .max, .max - 1]
        for member in members {
            for number in 1...3 {
                let point = XXHash64.hash(Array(member.name.utf8), seed: UInt64(number))
                #expect(ring.replicas(for: point, count: 1) == [member.node])
                tokens += [point &- 1, point, point &+ 1]
            }
        }
        for token in tokens {
            #expect(
                ring.replicas(for: token, count: 5) == model.replicas(for: token, count: 5)
            )
        }
    }

    @Test("three zones give three replicas in three zones", arguments: [3, 4, 7, 9, 12])
    func zonesDiffer(count: Int) {
        let members = members(count, zones: 3)
        let ring = HashRing(members)
        var random = SplitMix64(seed: 1)
        for _ in 0..<500 {
            let zones = ring.replicas(for: random.next(), count: 3).map {
                members[Int($0.index)].zone
            }
            #expect(Set(zones).count == 3)
        }
    }

    @Test("an empty ring has no replicas, a small one has what it has")
    func small() {
        #expect(HashRing([]).replicas(for: 5, count: 3) == [])
        #expect(HashRing([]).ownership().isEmpty)
        let lone = HashRing(members(1, zones: 1))
        #expect(lone.replicas(for: 5, count: 3) == [NodeID(0)])
        #expect(lone.ownership().map(\.partsPerMillion) == [1_000_000])
    }

    @Test("shares add up to the whole circle", arguments: 1..<20)
    func sharesAddUp(count: Int) {
        let shares = HashRing(members(count, zones: 3)).ownership()
        let sum = shares.reduce(0) { $0 + Int($1.partsPerMillion) }
        #expect(abs(sum - 1_000_000) <= count)
    }

    /// Root mean square over 150 rings: with random points it is sqrt((1 - 1/N) / 256), about 6 %.
    @Test("a node's share lies within 15 % of the mean, rarely beyond", arguments: [3, 6, 10])
    func balance(count: Int) {
        var squares = 0.0
        var beyond = 0
        let rings = 150
        for seed in 0..<rings {
            let ring = HashRing(members(count, zones: 3, prefix: "region-\(seed)"))
            for (_, share) in ring.ownership() {
                let deviation = Double(share) * Double(count) / 1_000_000 - 1
                squares += deviation * deviation
                if abs(deviation) > 0.15 { beyond += 1 }
            }
        }
        let mean = (squares / Double(rings * count)).squareRoot()
        #expect(mean < 0.07)
        #expect(beyond * 20 < rings * count, "\(beyond) shares of \(rings * count)")
    }

    @Test("at 128 points the typical share lies within 10 % of the mean")
    func balanceAtHalf() {
        var squares = 0.0
        for seed in 0..<150 {
            let ring = HashRing(members(3, zones: 3, prefix: "r\(seed)"), tokensPerNode: 128)
            for (_, share) in ring.ownership() {
                let deviation = Double(share) * 3 / 1_000_000 - 1
                squares += deviation * deviation
            }
        }
        #expect((squares / 450).squareRoot() < 0.10)
    }

    @Test("a node that joins takes about 1/N, and nothing moves between the others")
    func joining() {
        let before = HashRing(members(9, zones: 9))
        let newcomer = NodeID(9)
        let after = before.adding(RingMember(node: newcomer, name: "us-east-1-9", zone: "9"))
        var random = SplitMix64(seed: 7)
        var moved = 0
        for _ in 0..<20_000 {
            let token = random.next()
            let old = before.replicas(for: token, count: 1)
            let new = after.replicas(for: token, count: 1)
            if old != new {
                moved += 1
                #expect(new == [newcomer])
            }
        }
        #expect(abs(moved - 2_000) < 400, "moved \(moved) of 20000")
        #expect(after.removing(newcomer) == before)
    }

    @Test("a node that leaves changes one replica of a set at most, in place of itself")
    func leaving() {
        let before = HashRing(members(9, zones: 3))
        let after = before.removing(NodeID(4))
        var random = SplitMix64(seed: 8)
        for _ in 0..<5_000 {
            let token = random.next()
            let old = before.replicas(for: token, count: 3)
            let new = after.replicas(for: token, count: 3)
            if old.contains(NodeID(4)) {
                #expect(Set(new).intersection(old).count == 2)
            } else {
                #expect(old == new)
            }
        }
    }
}
