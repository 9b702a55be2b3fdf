import DataModel
import History
import NodeCore
import Primitives
import Replication

/// What time to live removes, as operations of the history: nobody asked for it, and whoever finds
/// an item gone has to be told why.
extension Clients {
    /// Clients of sweeps have numbers from here on, one each.
    private static let firstSweeper: UInt32 = 1 << 24

    /// A sweep decided to delete what it found expired; returns the operation's number.
    func beginSweep(_ sweep: SweepRecord, in region: RegionID) -> UInt64 {
        let number = self.takeNumber()
        guard self.history != nil else { return number }
        let key = self.forms.keyName(stored: sweep.key.bytes)
        let name = self.history!.names.key(key, table: Array(RequestForms.table.utf8))
        let found = sweep.write.map { self.history!.names.write($0) }
        self.history!.append(
            .invoke(
                Invocation(
                    id: number,
                    client: Self.firstSweeper + UInt32(truncatingIfNeeded: number),
                    region: region.rank,
                    operation: .delete,
                    key: name,
                    write: self.history!.names.write(Array("w\(number)".utf8)),
                    condition: found.map { .previous($0) } ?? .none,
                    time: self.world.now.nanoseconds
                )
            )
        )
        return number
    }

    /// It is known to have happened.
    func endSweep(_ number: UInt64, _ stamp: Stamp) {
        guard self.history != nil else { return }
        var completion = Completion(id: number, time: self.world.now.nanoseconds)
        completion.stamp = HistoryStamp(stamp.time, stamp.region.rank)
        self.history!.append(.ok(completion))
    }
}
