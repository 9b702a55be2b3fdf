/// From the key of an entry back to the attributes that it was made of.
extension IndexDefinition {
    /// The keys of index and table that an entry of a global index lies under.
    package func keyItem(ofGlobal key: ItemKey, _ table: KeySchema) -> Item {
        let prefix = key.partitionPrefix
        var map = AttributeMap()
        if self.keys.partition.count == 1 {
            Self.set(prefix[10...], self.keys.partition[0], in: &map)
        } else {
            var rest = prefix[10...]
            for attribute in self.keys.partition {
                Self.set(Self.closed(&rest)[...], attribute, in: &map)
            }
        }
        var rest = key.bytes[prefix.count...]
        for attribute in self.keys.sort {
            Self.set(Self.closed(&rest)[...], attribute, in: &map)
        }
        return self.adding(ItemKey(trusted: Array(rest)), table, to: map)
    }

    /// The keys of index and table that an entry of a local index lies under.
    package func keyItem(ofLocal key: [UInt8], _ table: KeySchema) -> Item {
        let prefix = ItemKey(trusted: Array(key[1...])).partitionPrefix
        var rest = key[(1 + prefix.count)...]
        var map = AttributeMap()
        Self.set(Self.closed(&rest)[...], self.keys.sort[0], in: &map)
        return self.adding(ItemKey(trusted: prefix + rest), table, to: map)
    }

    private func adding(_ key: ItemKey, _ table: KeySchema, to map: AttributeMap) -> Item {
        var map = map
        let attributes = key.attributes(table)
        for attribute in table.attributes {
            map[attribute.name] = attributes[attribute.name]
        }
        return Item(map)
    }

    private static func set(
        _ bytes: ArraySlice<UInt8>,
        _ attribute: KeyAttribute,
        in map: inout AttributeMap
    ) {
        map[attribute.name] = ItemKey.decoded(bytes, attribute.type)
    }

    /// Takes one closed value off the front.
    private static func closed(_ bytes: inout ArraySlice<UInt8>) -> [UInt8] {
        var value: [UInt8] = []
        while let byte = bytes.popFirst() {
            guard byte == 0 else {
                value.append(byte)
                continue
            }
            guard bytes.popFirst() == 0xFF else { break }
            value.append(0)
        }
        return value
    }
}
