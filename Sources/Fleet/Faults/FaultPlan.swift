package import Primitives

/// How much one fault puts a node's wall clock wrong.
package struct ClockEffect: Hashable, Sendable {
    package var offset: Int64
    /// Microseconds gained in each second.
    package var driftPPM: Int32

    package init(offset: Int64 = 0, driftPPM: Int32 = 0) {
        self.offset = offset
        self.driftPPM = driftPPM
    }
}

/// How one fault makes a region's endpoint misbehave, or the sum of all.
package struct EndpointEffect: Hashable, Sendable {
    package var refuses: Bool
    package var swallows: Bool
    /// A status or an error's name.
    package var error: String?
    package var latency: Nanoseconds

    package init(
        refuses: Bool = false,
        swallows: Bool = false,
        error: String? = nil,
        latency: Nanoseconds = 0
    ) {
        self.refuses = refuses
        self.swallows = swallows
        self.error = error
        self.latency = latency
    }

    package static let none = EndpointEffect()
}

/// A directed pair of regions, by rank.
package struct RegionPair: Hashable, Comparable, Sendable {
    package var source: Int
    package var target: Int

    package init(from source: Int, to target: Int) {
        self.source = source
        self.target = target
    }

    package static func < (lhs: Self, rhs: Self) -> Bool {
        (lhs.source, lhs.target) < (rhs.source, rhs.target)
    }
}

/// The state that links, clocks, replicators and endpoints should be in: what the topology says
/// plus every fault in force.
///
/// Everything is computed anew from the list of faults, so that healing one of several that overlap
/// is the same as never having injected it, whatever the order.
package struct FaultPlan: Sendable {
    package var links: LinkPlan
    private let baseClocks: [ClockEffect]
    private var clocks: [(fault: Int, nodes: [Int: ClockEffect])] = []
    private var replication: [(fault: Int, pairs: Set<RegionPair>)] = []
    private var endpoints: [(fault: Int, region: Int, effect: EndpointEffect)] = []

    package init(links: LinkPlan, clocks: [ClockEffect]) {
        self.links = links
        self.baseClocks = clocks
    }

    package mutating func add(fault: Int, clocks: [Int: ClockEffect]) {
        self.clocks.append((fault, clocks))
    }

    package mutating func add(fault: Int, pausing pairs: Set<RegionPair>) {
        self.replication.append((fault, pairs))
    }

    package mutating func add(fault: Int, endpoint region: Int, _ effect: EndpointEffect) {
        self.endpoints.append((fault, region, effect))
    }

    package mutating func remove(fault: Int) {
        self.links.remove(fault: fault)
        self.clocks.removeAll { $0.fault == fault }
        self.replication.removeAll { $0.fault == fault }
        self.endpoints.removeAll { $0.fault == fault }
    }

    package func baseClock(of node: Int) -> ClockEffect { self.baseClocks[node] }

    /// Offsets and drifts of all faults add to the topology's.
    package func clock(of node: Int) -> ClockEffect {
        var sum = self.baseClocks[node]
        for clock in self.clocks {
            guard let effect = clock.nodes[node] else { continue }
            sum.offset += effect.offset
            sum.driftPPM += effect.driftPPM
        }
        return sum
    }

    /// The regions to which a region's replicators send nothing, by rank.
    package func pausedTargets(of region: Int) -> [Int] {
        var targets: Set<Int> = []
        for pause in self.replication {
            for pair in pause.pairs where pair.source == region { targets.insert(pair.target) }
        }
        return targets.sorted()
    }

    /// Refusal and silence hold while one fault asks for them, delays add, the latest error
    /// answers.
    package func endpoint(of region: Int) -> EndpointEffect {
        var sum = EndpointEffect.none
        for endpoint in self.endpoints where endpoint.region == region {
            sum.refuses = sum.refuses || endpoint.effect.refuses
            sum.swallows = sum.swallows || endpoint.effect.swallows
            sum.error = endpoint.effect.error ?? sum.error
            sum.latency += endpoint.effect.latency
        }
        return sum
    }

    /// True when nothing is left of any fault.
    package var isClear: Bool {
        self.links.isClear && self.clocks.isEmpty && self.replication.isEmpty
            && self.endpoints.isEmpty
    }
}
