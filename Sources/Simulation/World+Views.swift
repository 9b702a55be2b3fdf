import Consensus
import DataModel
import NodeCore
import Primitives
import Tables

/// What can be said of the whole cluster from outside.
extension World {
    func machines(in region: Int) -> [Machine] {
        self.machines.filter { Int($0.region.rank) == region }
    }

    /// Everything in a region has all its copies, on disks that are there.
    func isWhole(_ region: Int) -> Bool {
        let machines = self.machines(in: region)
        let isUp = machines.allSatisfy { machine in
            machine.isAlive && !machine.isPaused && machine.incarnation > 0 && !machine.hasFailed
                && !machine.isSuspended
        }
        guard isUp else { return false }
        let copies = min(self.plan.replicationFactor, machines.count)
        for group in self.groups(in: region) {
            // The catalog is learned by every node and led by up to three.
            let replicas = group == .catalog ? min(3, machines.count) : copies
            let isWhole = machines.contains { machine in
                guard let process = machine.process,
                    let view = process.loop.node.groupViews.first(where: { $0.id == group })
                else { return false }
                return view.isLeader
                    && process.loop.node.isWhole(slot: view.slot, replicas: replicas)
            }
            if !isWhole { return false }
        }
        return true
    }

    /// The groups that some node of a region has a replica of.
    func groups(in region: Int) -> [PartitionID] {
        var found: [PartitionID] = []
        for machine in self.machines(in: region) {
            for view in machine.process?.loop.node.groupViews ?? []
            where !found.contains(view.id) { found.append(view.id) }
        }
        return found.sorted()
    }

    /// Every partition of the table has a leader that serves, in this region.
    func serves(_ table: String, _ region: Int) -> Bool {
        let led = self.machines(in: region).flatMap { machine in
            (machine.process?.loop.node.digests(of: table) ?? []).filter(\.isLeader)
        }
        return Set(led.map(\.position)).count == self.plan.partitionsPerTable
    }

    /// What regions of a set have committed and others of it have not acknowledged.
    func backlog(among regions: [Int]) -> UInt64 {
        var sum: UInt64 = 0
        for machine in self.machines where regions.contains(Int(machine.region.rank)) {
            for lag in machine.process?.loop.node.outboundLag(now: self.now) ?? []
            where regions.contains(Int(lag.destination.rank)) { sum += lag.backlogChanges }
        }
        return sum
    }

    /// The digest of each partition in each region, when all replicas of it agree; nil otherwise.
    func digests(of table: String, _ region: Int) -> [UInt64]? {
        var sums = [UInt64?](repeating: nil, count: self.plan.partitionsPerTable)
        for machine in self.machines(in: region) {
            for digest in machine.process?.loop.node.digests(of: table) ?? [] {
                if let known = sums[digest.position], known != digest.total { return nil }
                sums[digest.position] = digest.total
            }
        }
        let known = sums.compactMap { $0 }
        return known.count == sums.count ? known : nil
    }

    /// All replicas of a table in all regions hold the same.
    func agrees(on table: String) -> Bool {
        guard let first = self.digests(of: table, 0) else { return false }
        return self.plan.regions.indices.dropFirst().allSatisfy {
            self.digests(of: table, $0) == first
        }
    }

    func isActive(_ table: String, _ region: Int) -> Bool {
        self.machines(in: region).filter(\.isAlive).allSatisfy { machine in
            machine.process!.loop.node.isActive(table)
        }
    }

    /// Entries of the conflict ledgers, counted once for each region and partition.
    var conflictCount: UInt64 {
        var sum: UInt64 = 0
        for machine in self.machines {
            sum += machine.process?.loop.node.conflictsLed ?? 0
        }
        return sum
    }

    /// One stored version of an item.
    struct StoredVersion {
        var partition: PartitionID
        var key: [UInt8]
        var record: ItemRecord
    }

    /// Everything that one machine's disk holds of items, by partition and key.
    func versions(on machine: Machine) -> [StoredVersion] {
        guard let process = machine.process else { return [] }
        var found: [StoredVersion] = []
        for place in process.loop.node.partitionPlaces {
            machine.disk.eachRecord(
                .item,
                from: PartitionKeys.prefix(place.partition),
                to: PartitionKeys.end(place.partition)
            ) { key, value in
                if let record = try? ItemRecord(value) {
                    found.append(
                        StoredVersion(
                            partition: place.partition,
                            key: Array(UnsafeRawBufferPointer(rebasing: key[8...])),
                            record: record
                        )
                    )
                }
                return true
            }
        }
        return found
    }
}
