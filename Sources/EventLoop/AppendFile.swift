import Glibc

/// A file that only grows, written in large pieces: a history, an apply log.
///
/// Memory is bounded: what was appended is handed to the kernel whenever ``bytesMax`` wait, and
/// by ``flush()``, which the owner calls from a timer. Once the kernel has it, the death of this
/// process loses none of it. After the first error the file takes nothing more, so that what is in
/// it is a prefix of what happened; ``failure`` tells why.
package final class AppendFile {
    /// Output that may wait for ``flush()``.
    package static let bytesMax = 256 << 10

    package let path: String
    /// Why the file takes nothing more.
    package private(set) var failure: LoopError?
    /// Called once, with ``failure``.
    package var onFailure: ((LoopError) -> Void)?
    private var file: Int32
    private var buffer: [UInt8] = []

    /// Whether it held nothing when it was opened.
    package let isEmpty: Bool

    /// Opens or makes the file; with `emptied` what it held is gone, else what stands behind its
    /// last line's end: half a line, whose writer was killed.
    package init(_ path: String, emptied: Bool) throws(LoopError) {
        self.path = path
        let flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (emptied ? O_TRUNC : 0)
        let file = open(path, flags, 0o644)
        if file < 0 { throw LoopError(-errno, while: "open \(path)") }
        let end = Int(lseek(file, 0, SEEK_END))
        let size = Self.wholeLines(of: file, end)
        if size < end, ftruncate(file, off_t(size)) != 0 {
            let code = -errno
            Glibc.close(file)
            throw LoopError(code, while: "shorten \(path)")
        }
        self.file = file
        self.isEmpty = size <= 0
        self.buffer.reserveCapacity(Self.bytesMax)
    }

    /// The bytes up to the last line's end.
    private static func wholeLines(of file: Int32, _ size: Int) -> Int {
        var end = size
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while end > 0 {
            let start = max(0, end - chunk.count)
            let count = pread(file, &chunk, end - start, off_t(start))
            guard count == end - start else { return end }
            if let newline = chunk[..<count].lastIndex(of: UInt8(ascii: "\n")) {
                return start + newline + 1
            }
            end = start
        }
        return 0
    }

    deinit { self.close() }

    /// Lets an encoder append straight to the buffer.
    package func append(_ body: (inout [UInt8]) -> Void) {
        guard self.file >= 0 else { return }
        body(&self.buffer)
        if self.buffer.count >= Self.bytesMax { self.flush() }
    }

    /// Hands what waits to the kernel.
    package func flush() {
        guard self.file >= 0, !self.buffer.isEmpty else { return }
        var failed: Int32 = 0
        self.buffer.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty, failed == 0 {
                let piece = UnsafeRawBufferPointer(rebasing: rest)
                let count = write(self.file, piece.baseAddress, piece.count)
                if count > 0 {
                    rest = rest.dropFirst(count)
                } else if count == 0 || errno != EINTR {
                    failed = count == 0 ? EIO : errno
                }
            }
        }
        self.buffer.removeAll(keepingCapacity: self.buffer.capacity <= 2 * Self.bytesMax)
        if failed != 0 { self.fail(LoopError(-failed, while: "write \(self.path)")) }
    }

    /// Flushes and closes; nothing more is taken.
    package func close() {
        guard self.file >= 0 else { return }
        self.flush()
        guard self.file >= 0 else { return }
        Glibc.close(self.file)
        self.file = -1
    }

    private func fail(_ error: LoopError) {
        Glibc.close(self.file)
        self.file = -1
        self.failure = error
        let onFailure = self.onFailure
        self.onFailure = nil
        onFailure?(error)
    }
}
