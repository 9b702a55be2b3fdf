import DataModel
import NodeCore
import Primitives
import Replication
import Tables

/// Where replicas differ, key by key.
extension World {
    private struct Held {
        var node: Int
        var key: [UInt8]
        var stamp: Stamp
        var write: [UInt8]?
        var isTombstone: Bool
    }

    /// A line for each of the first keys of which not every replica that holds its partition has
    /// the same version.
    func differences(max limit: Int) -> [String] {
        var held: [Held] = []
        for machine in self.machines {
            for version in self.versions(on: machine) {
                held.append(
                    Held(
                        node: machine.index,
                        key: version.key,
                        stamp: version.record.stamp,
                        write: version.record.item?.writeID,
                        isTombstone: version.record.isTombstone
                    )
                )
            }
        }
        held.sort {
            ($0.key.lexicographicallyPrecedes($1.key)) || ($0.key == $1.key && $0.node < $1.node)
        }
        var lines: [String] = []
        var start = 0
        while start < held.count, lines.count < limit {
            var end = start
            while end < held.count, held[end].key == held[start].key { end += 1 }
            let copies = held[start..<end]
            let copiesMax = self.plan.regions.reduce(0) {
                $0 + min($1.nodes, self.plan.replicationFactor)
            }
            if copies.count < copiesMax || copies.contains(where: { $0.stamp != held[start].stamp })
            {
                lines.append(self.line(Array(copies)))
            }
            start = end
        }
        return lines
    }

    private func line(_ copies: [Held]) -> String {
        let key = copies[0].key
        let length = Int(key[8]) << 8 | Int(key[9])
        let name = [key[10..<10 + length], key[(10 + length)...]].filter { !$0.isEmpty }
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "|")
        let texts = copies.map { copy in
            let write = copy.write.map { String(decoding: $0, as: UTF8.self) } ?? "?"
            return "\(self.name(copy.node)) \(copy.isTombstone ? "deleted" : write) at "
                + "\(copy.stamp.time % 1_000_000_000_000).\(copy.stamp.region.rank)"
        }
        return "\(name): " + texts.joined(separator: ", ")
    }
}
