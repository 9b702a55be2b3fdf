package import DataModel
import Placement
package import Primitives

/// A partition that has a replica here, and the table whose items it holds.
package struct PartitionPlace: Sendable {
    package var partition: PartitionID
    package var table: String
    package var schema: KeySchema
}

/// What a host needs to write down keys for people.
extension Node {
    /// The key of a table that the catalog holds.
    package func keySchema(of table: String) -> KeySchema? {
        self.catalog.table(named: table)?.schema
    }

    /// The partitions with a replica here.
    package var partitionPlaces: [PartitionPlace] {
        self.catalog.tables.flatMap { table in
            self.catalog.partitions(of: table.id).compactMap { partition in
                guard let slot = self.slot(of: partition.id), self.groups[slot]?.partition != nil
                else { return nil }
                return PartitionPlace(
                    partition: partition.id,
                    table: table.name,
                    schema: table.schema
                )
            }
        }
    }
}
