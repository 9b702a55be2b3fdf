package import DataModel
package import Primitives

/// What a partition needs to know of its table.
package struct TableDescriptor: Equatable, Sendable {
    package var id: TableID
    package var name: String
    package var schema: KeySchema
    /// Other regions hold replicas: deletes leave tombstones, so that a late older write from
    /// elsewhere cannot bring the item back.
    package var isGlobal: Bool
    /// Local indexes, the same as long as the table lives; the number of one in the keys of its
    /// entries is its position and one.
    package let locals: [IndexDefinition]
    /// In a partition of a global index: that index, whose entries are its records.
    package let entriesOf: IndexDefinition?
    /// Bytes that the items and local entries of one partition key may take.
    package var collectionBytesMax = ItemLimits.collectionBytesMax

    package init(
        id: TableID,
        name: String,
        schema: KeySchema,
        isGlobal: Bool,
        locals: [IndexDefinition] = [],
        entriesOf: IndexDefinition? = nil
    ) {
        self.id = id
        self.name = name
        self.schema = schema
        self.isGlobal = isGlobal
        self.locals = locals
        self.entriesOf = entriesOf
    }
}
