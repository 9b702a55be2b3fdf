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

    package init(id: TableID, name: String, schema: KeySchema, isGlobal: Bool) {
        self.id = id
        self.name = name
        self.schema = schema
        self.isGlobal = isGlobal
    }
}
