package import Primitives

/// The key of a secondary index: what decides where an entry lies, and in which order.
///
/// A local index has the table's partition key and one attribute of its own; a global one up to
/// four attributes each.
package struct IndexKeys: Hashable, Sendable {
    /// Attributes that one key may have of each kind.
    package static let attributesMax = 4

    package var partition: [KeyAttribute]
    package var sort: [KeyAttribute]

    package init(partition: [KeyAttribute], sort: [KeyAttribute]) {
        self.partition = partition
        self.sort = sort
    }

    package var attributes: [KeyAttribute] { self.partition + self.sort }

    package func isKey(_ name: [UInt8]) -> Bool {
        self.partition.contains { $0.name == name } || self.sort.contains { $0.name == name }
    }
}

/// `Projection`: which attributes an index holds besides the keys of index and table.
package enum IndexProjection: Hashable, Sendable {
    case all
    case keysOnly
    case include([[UInt8]])
}

/// A secondary index as partitions need it.
package struct IndexDefinition: Hashable, Sendable {
    package var name: String
    package var keys: IndexKeys
    package var projection: IndexProjection

    package init(name: String, keys: IndexKeys, projection: IndexProjection) {
        self.name = name
        self.keys = keys
        self.projection = projection
    }

    /// The attributes that entries have; nil for all of the item.
    package func projectedNames(_ table: KeySchema) -> [[UInt8]]? {
        let keys = (table.attributes + self.keys.attributes).map(\.name)
        switch self.projection {
        case .all: return nil
        case .keysOnly: return keys
        case .include(let names): return keys + names
        }
    }

    /// What the index holds of an item.
    package func image(of item: Item, _ table: KeySchema) -> Item {
        self.projectedNames(table).map { item.projected($0) } ?? item
    }

    /// The keys of table and index: what a page says where it ended.
    package func keyItem(of item: Item, _ table: KeySchema) -> Item {
        item.projected((table.attributes + self.keys.attributes).map(\.name))
    }
}

extension IndexDefinition {
    package func encode(into writer: inout ByteWriter) {
        writer.string(self.name)
        for attributes in [self.keys.partition, self.keys.sort] {
            writer.u8(UInt8(attributes.count))
            for attribute in attributes {
                writer.block(attribute.name)
                writer.u8(attribute.type.rawValue)
            }
        }
        switch self.projection {
        case .all: writer.u8(1)
        case .keysOnly: writer.u8(2)
        case .include(let names):
            writer.u8(3)
            writer.varint(UInt64(names.count))
            for name in names { writer.block(name) }
        }
    }

    package init(from reader: inout ByteReader) throws(DecodingError) {
        let name = try reader.string()
        let partition = try Self.attributes(&reader)
        let sort = try Self.attributes(&reader)
        guard !partition.isEmpty else { throw DecodingError(offset: reader.offset) }
        let projection: IndexProjection
        switch try reader.u8() {
        case 1: projection = .all
        case 2: projection = .keysOnly
        case 3:
            var names: [[UInt8]] = []
            for _ in 0..<(try reader.count()) { names.append(try reader.block()) }
            projection = .include(names)
        default: throw DecodingError(offset: reader.offset)
        }
        self.init(
            name: name,
            keys: IndexKeys(partition: partition, sort: sort),
            projection: projection
        )
    }

    private static func attributes(
        _ reader: inout ByteReader
    ) throws(DecodingError) -> [KeyAttribute] {
        let count = Int(try reader.u8())
        guard count <= IndexKeys.attributesMax else { throw DecodingError(offset: reader.offset) }
        var attributes: [KeyAttribute] = []
        for _ in 0..<count {
            let name = try reader.block()
            guard let type = ScalarKeyType(rawValue: try reader.u8()) else {
                throw DecodingError(offset: reader.offset)
            }
            attributes.append(KeyAttribute(name: name, type: type))
        }
        return attributes
    }
}
