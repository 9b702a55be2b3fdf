extension ItemKey {
    /// The key as people and histories see it: the partition key, and after `|` the sort key.
    ///
    /// Strings stand as they are, but for `|` and `%`, which become `%7C` and `%25`; numbers are
    /// decimal and binaries hexadecimal. Different keys of one table have different texts.
    package func text(_ schema: KeySchema) -> String {
        let values = self.attributes(schema)
        let parts = schema.attributes.map { Self.text(values[$0.name]) }
        return parts.joined(separator: "|")
    }

    private static func text(_ value: AttributeValue?) -> String {
        switch value {
        case .string(let bytes):
            var out: [UInt8] = []
            out.reserveCapacity(bytes.count)
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "|"): out.append(contentsOf: "%7C".utf8)
                case UInt8(ascii: "%"): out.append(contentsOf: "%25".utf8)
                default: out.append(byte)
                }
            }
            return String(decoding: out, as: UTF8.self)
        case .number(let number):
            return String(decoding: number.text, as: UTF8.self)
        case .binary(let bytes):
            return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        case .null, .bool, .list, .map, .stringSet, .numberSet, .binarySet, nil:
            preconditionFailure("no type of a key")
        }
    }
}
