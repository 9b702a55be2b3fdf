/// How a response's body may be compressed.
package enum ContentEncoding: Equatable, Sendable {
    case gzip
    /// zlib's format, which HTTP calls deflate.
    case deflate

    /// A response shorter than this is sent as it is, as the service does (ScyllaDB's
    /// test_compressed_response.py, run against it).
    package static let bytesMin = 4_096

    package var name: String {
        switch self {
        case .gzip: "gzip"
        case .deflate: "deflate"
        }
    }

    /// The encoding that an `Accept-Encoding` prefers; nil for none.
    ///
    /// The greatest weight wins; of equal weights a coding that is named goes before one that `*`
    /// stands for, and the first named before the others. Not to compress is preferred only if it
    /// weighs more.
    package static func preferred(_ bytes: [UInt8], _ value: Range<Int>) -> ContentEncoding? {
        // All that SDKs ask for.
        if HTTPSyntax.matches(bytes, value, "identity") { return nil }
        var named: [(encoding: ContentEncoding, weight: Int)] = []
        var anyWeight: Int?
        var plainWeight = 0
        HTTPSyntax.forEachElement(bytes, value) { element in
            let (name, weight) = self.weighted(bytes, element)
            if HTTPSyntax.matches(bytes, name, "gzip") {
                named.append((.gzip, weight))
            } else if HTTPSyntax.matches(bytes, name, "deflate") {
                named.append((.deflate, weight))
            } else if HTTPSyntax.matches(bytes, name, "identity") {
                plainWeight = weight
            } else if name.count == 1, bytes[name.lowerBound] == UInt8(ascii: "*") {
                anyWeight = weight
            }
        }
        if let anyWeight {
            for encoding in [ContentEncoding.gzip, .deflate]
            where !named.contains(where: { $0.encoding == encoding }) {
                named.append((encoding, anyWeight))
            }
        }
        var best: (encoding: ContentEncoding, weight: Int)?
        for candidate in named where candidate.weight > best?.weight ?? 0 { best = candidate }
        guard let best, best.weight >= plainWeight else { return nil }
        return best.encoding
    }

    /// An element's coding, and its weight in thousandths: `gzip ; q = 0.5`.
    private static func weighted(_ bytes: [UInt8], _ element: Range<Int>) -> (Range<Int>, Int) {
        var end = element.lowerBound
        while end < element.upperBound, bytes[end] != UInt8(ascii: ";") { end += 1 }
        var nameEnd = end
        while nameEnd > element.lowerBound, bytes[nameEnd - 1] <= 0x20 { nameEnd -= 1 }
        let name = element.lowerBound..<nameEnd
        var parameter = bytes[min(end + 1, element.upperBound)..<element.upperBound]
            .filter { $0 > 0x20 }
        guard parameter.count > 2, parameter[0] | 0x20 == UInt8(ascii: "q"),
            parameter[1] == UInt8(ascii: "=")
        else { return (name, 1_000) }
        parameter.removeFirst(2)
        var weight = 0
        var scale = 0
        for byte in parameter {
            if byte == UInt8(ascii: "."), scale == 0 {
                scale = 1
            } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), scale < 1_000 {
                weight = min(weight * 10 + Int(byte - UInt8(ascii: "0")), 1_000)
                scale *= 10
            } else {
                break
            }
        }
        let thousandths = weight * 1_000 / max(scale, 1)
        return (name, min(thousandths, 1_000))
    }
}
