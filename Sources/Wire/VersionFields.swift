package import NodeCore
import Primitives
import Replication

/// The header lines in which an answer tells of versions, to a client that sent
/// `x-atoll-history: 1`.
///
/// `x-atoll-stamp` (`time.rank`) and `x-atoll-write` are those of the version written or read,
/// `x-atoll-previous-stamp` and `x-atoll-previous-write` those of the item that a write replaced
/// or a condition refused. Without the former there was no item; without the latter it has no
/// write id, or none that fits into a header.
package enum VersionFields {
    /// Longer write ids are left out.
    private static let writeBytesMax = 256

    /// The lines, each behind its CR LF; empty without a note.
    package static func lines(of note: VersionNote?) -> [UInt8] {
        guard let note else { return [] }
        var out: [UInt8] = []
        out.reserveCapacity(160)
        self.append("\r\nx-atoll-stamp: ", note.stamp, to: &out)
        self.append("\r\nx-atoll-write: ", note.write, to: &out)
        self.append("\r\nx-atoll-previous-stamp: ", note.previousStamp, to: &out)
        self.append("\r\nx-atoll-previous-write: ", note.previousWrite, to: &out)
        return out
    }

    private static func append(_ name: String, _ stamp: Stamp?, to out: inout [UInt8]) {
        guard let stamp else { return }
        out.append(contentsOf: name.utf8)
        out.append(contentsOf: "\(stamp.time).\(stamp.region.rank)".utf8)
    }

    /// What a client stored under `w` must not end the line.
    private static func append(_ name: String, _ write: [UInt8]?, to out: inout [UInt8]) {
        guard let write, !write.isEmpty, write.count <= Self.writeBytesMax,
            write.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return }
        out.append(contentsOf: name.utf8)
        out.append(contentsOf: write)
    }
}
