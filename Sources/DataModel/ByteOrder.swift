/// The order of two values.
package enum ScalarOrder: Sendable {
    case less
    case equal
    case greater
}

/// Compares byte strings as `memcmp` does: unsigned, a prefix before its extensions.
///
/// DynamoDB orders strings by their UTF-8 bytes, not by Unicode collation, and so do the storage
/// keys. The core may not import a C library, so this compares eight bytes a step itself.
package enum ByteOrder {
    package static func compare(
        _ lhs: UnsafeRawBufferPointer,
        _ rhs: UnsafeRawBufferPointer
    ) -> ScalarOrder {
        let shared = min(lhs.count, rhs.count)
        var offset = 0
        while offset + 8 <= shared {
            let left = lhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let right = rhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if left != right { return left.bigEndian < right.bigEndian ? .less : .greater }
            offset += 8
        }
        while offset < shared {
            if lhs[offset] != rhs[offset] { return lhs[offset] < rhs[offset] ? .less : .greater }
            offset += 1
        }
        if lhs.count == rhs.count { return .equal }
        return lhs.count < rhs.count ? .less : .greater
    }

    package static func compare(_ lhs: [UInt8], _ rhs: [UInt8]) -> ScalarOrder {
        lhs.withUnsafeBytes { left in rhs.withUnsafeBytes { self.compare(left, $0) } }
    }

    package static func areEqual(
        _ lhs: UnsafeRawBufferPointer,
        _ rhs: UnsafeRawBufferPointer
    ) -> Bool {
        lhs.count == rhs.count && self.compare(lhs, rhs) == .equal
    }

    package static func isLess(_ lhs: [UInt8], _ rhs: [UInt8]) -> Bool {
        self.compare(lhs, rhs) == .less
    }

    /// The first byte string after all that begin with `prefix`, or nil when there is none.
    package static func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
        var result = prefix
        while let last = result.popLast() {
            if last < 0xFF {
                result.append(last + 1)
                return result
            }
        }
        return nil
    }

    /// Whether `part` occurs in `whole`; an empty part always does.
    package static func contains(
        _ whole: UnsafeRawBufferPointer,
        _ part: UnsafeRawBufferPointer
    ) -> Bool {
        guard let first = part.first else { return true }
        var offset = 0
        while offset + part.count <= whole.count {
            if whole[offset] == first {
                let window = UnsafeRawBufferPointer(
                    rebasing: whole[offset..<offset + part.count]
                )
                if self.areEqual(window, part) { return true }
            }
            offset += 1
        }
        return false
    }

    /// Whether `whole` begins with `prefix`.
    package static func hasPrefix(
        _ whole: UnsafeRawBufferPointer,
        _ prefix: UnsafeRawBufferPointer
    ) -> Bool {
        guard prefix.count <= whole.count else { return false }
        return self.areEqual(UnsafeRawBufferPointer(rebasing: whole[0..<prefix.count]), prefix)
    }
}
