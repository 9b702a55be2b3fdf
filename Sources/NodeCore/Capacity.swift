/// Capacity units as the service counts them.
enum Capacity {
    /// A strongly consistent read takes a unit for each 4 KB, an eventually consistent one half of
    /// that; a miss takes what an item of one block takes.
    static func readHalfUnits(bytes: Int, isConsistent: Bool) -> Int {
        max(1, (bytes + 4095) / 4096) * (isConsistent ? 2 : 1)
    }

    /// A write takes a unit for each KB of the larger of the old and the new item.
    static func writeHalfUnits(bytes: Int) -> Int { max(1, (bytes + 1023) / 1024) * 2 }

    static func consumed(
        _ asked: ReturnConsumedCapacity,
        table: String,
        halfUnits: Int
    ) -> ConsumedCapacity? {
        switch asked {
        case .none: nil
        case .total: ConsumedCapacity(table: table, halfUnits: halfUnits)
        case .indexes:
            ConsumedCapacity(table: table, halfUnits: halfUnits, tellsTableApart: true)
        }
    }
}
