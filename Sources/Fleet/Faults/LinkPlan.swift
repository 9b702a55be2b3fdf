package import Primitives

extension LinkSettings {
    /// The whole effect of a cut.
    package static let cut = LinkSettings(isCut: true)

    /// This link with a fault on top: delays add, chances of loss combine as independent events,
    /// the narrower bandwidth holds, and one cut is enough.
    ///
    /// The result does not depend on the order of faults, but for the rounding of a millionth.
    package func worsened(by effect: LinkSettings) -> LinkSettings {
        var settings = self
        settings.latency += effect.latency
        settings.jitter += effect.jitter
        settings.lossPerMillion = Self.combinedLoss(self.lossPerMillion, effect.lossPerMillion)
        if let narrower = effect.bandwidth {
            settings.bandwidth = min(self.bandwidth ?? .max, narrower)
        }
        settings.isCut = self.isCut || effect.isCut
        return settings
    }

    /// `1 - (1 - a)(1 - b)` in millionths, rounded to the nearest.
    private static func combinedLoss(_ first: UInt32, _ second: UInt32) -> UInt32 {
        let million: UInt64 = 1_000_000
        let kept =
            (million - min(million, UInt64(first))) * (million - min(million, UInt64(second)))
        return UInt32(million - (kept + million / 2) / million)
    }
}

/// A directed link by the positions of its nodes in the topology.
package struct DirectedLink: Hashable, Comparable, Sendable {
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

/// The state that every link should have: what the topology says plus every fault in force.
///
/// Links are always computed anew from the whole list, never undone step by step, so that
/// overlapping faults on one link cannot leave anything behind when one of them heals.
package struct LinkPlan: Sendable {
    private let base: [[LinkSettings]]
    private var effects: [(fault: Int, links: [DirectedLink: LinkSettings])] = []

    /// `base[source][target]` for every pair of nodes.
    package init(base: [[LinkSettings]]) { self.base = base }

    package var nodeCount: Int { self.base.count }

    package mutating func add(fault: Int, _ links: [DirectedLink: LinkSettings]) {
        self.effects.append((fault, links))
    }

    package mutating func remove(fault: Int) { self.effects.removeAll { $0.fault == fault } }

    package func settings(of link: DirectedLink) -> LinkSettings {
        var settings = self.base[link.source][link.target]
        for effect in self.effects {
            if let worse = effect.links[link] { settings = settings.worsened(by: worse) }
        }
        return settings
    }

    /// The settings of every link into a node, by source; the node itself is left out.
    package func inbound(to target: Int) -> [(source: Int, settings: LinkSettings)] {
        (0..<self.nodeCount).filter { $0 != target }.map { source in
            (source, self.settings(of: DirectedLink(from: source, to: target)))
        }
    }

    /// The nodes to which a node may not send.
    package func outboundCuts(of source: Int) -> [Int] {
        (0..<self.nodeCount).filter { target in
            target != source && self.settings(of: DirectedLink(from: source, to: target)).isCut
        }
    }

    package var isClear: Bool { self.effects.isEmpty }
}
