package import NodeCore

/// A client's operation as one node hands it to another: the target, a byte that tells whether
/// the answer carries header lines of versions (1) or not (0), the body.
package enum HandedOver {
    private static let plain: UInt8 = 0
    private static let tellsVersions: UInt8 = 1

    /// Packs a request whose parts are ranges of one buffer.
    package static func encode(
        target: Range<Int>,
        body: Range<Int>,
        tellsVersions: Bool,
        in bytes: [UInt8]
    ) -> [UInt8] {
        var packed: [UInt8] = []
        packed.reserveCapacity(target.count + 1 + body.count)
        packed.append(contentsOf: bytes[target])
        packed.append(tellsVersions ? Self.tellsVersions : Self.plain)
        packed.append(contentsOf: bytes[body])
        return packed
    }

    /// The operation of a packed request.
    ///
    /// - Throws: what its client is told.
    package static func decode(_ packed: [UInt8]) throws(ServiceError) -> Operation {
        let split = packed.firstIndex { $0 <= Self.tellsVersions } ?? packed.endIndex
        let operation = try OperationDecoder.decode(
            target: 0..<split,
            body: min(split + 1, packed.endIndex)..<packed.endIndex,
            in: packed
        )
        guard split < packed.endIndex, packed[split] == Self.tellsVersions else {
            return operation
        }
        return operation.tellingVersions()
    }
}
