import CUV
import Glibc

/// One TCP connection on the loopback address.
///
/// Output is appended to one buffer and leaves at the turn's end with one system call; what the
/// kernel does not take waits for it, and ``pendingBytes`` shows how much that is. The object stays
/// alive until its `onClose`, whoever drops it.
package final class TCPConnection: LoopHandle {
    /// Output that may wait before the connection is aborted: its peer has stopped reading.
    package static let outboundBytesMaxDefault = 64 << 20
    private static let lingerNanoseconds: UInt64 = 1_000_000_000
    /// Buffers larger than this are given back once empty.
    private static let retainedBytesMax = 256 << 10

    /// The bytes are valid only inside the call.
    package var onRead: ((UnsafeRawBufferPointer) -> Void)?
    /// Exactly once, from the loop, never from inside another method: `nil` when the peer ended the
    /// stream or ``close()`` was called.
    package var onClose: ((LoopError?) -> Void)?
    /// When the peer has ended its side and may still read ours; without it, the connection then
    /// closes.
    package var onEnd: (() -> Void)?
    /// When output that had to wait has all left.
    package var onDrain: (() -> Void)?
    package var outboundBytesMax = TCPConnection.outboundBytesMaxDefault

    private var outbound: [UInt8] = []
    private var isQueued = false
    private var isClosing = false
    private var isLingering = false
    private var lingerTimer: LoopTimer?
    private var isReading = false
    private var inflight: WriteRequest?
    private var closeReason: LoopError?

    init(_ state: LoopState) throws(LoopError) {
        super.init(state, UV_TCP)
        guard let tcp = self.pointer(as: uv_tcp_t.self) else { return }
        try check(uv_tcp_init(state.loop, tcp), "make a socket")
        self.register()
    }

    var stream: UnsafeMutablePointer<uv_stream_t>? { self.pointer(as: uv_stream_t.self) }

    /// Output that was written here and has not been handed to the kernel.
    package var pendingBytes: Int { self.outbound.count + (self.inflight?.count ?? 0) }

    // MARK: Output

    package func write(_ bytes: [UInt8]) {
        guard self.isOpen, !self.isClosing else { return }
        self.outbound.append(contentsOf: bytes)
        self.queueFlush()
    }

    package func write(_ bytes: UnsafeRawBufferPointer) {
        guard self.isOpen, !self.isClosing else { return }
        self.outbound.append(contentsOf: bytes)
        self.queueFlush()
    }

    /// Lets an encoder append straight to the output buffer, without an array of its own.
    package func append(_ body: (inout [UInt8]) -> Void) {
        guard self.isOpen, !self.isClosing else { return }
        let before = self.outbound.count
        body(&self.outbound)
        precondition(self.outbound.count >= before, "output may only be appended to")
        self.queueFlush()
    }

    /// Hands the buffered output to the kernel now instead of at the turn's end.
    package func flush() {
        guard let stream = self.stream, self.inflight == nil, !self.outbound.isEmpty else { return }
        let count = self.outbound.count
        let sent = self.outbound.withUnsafeMutableBytes { raw -> Int in
            // uv_buf_t counts in 32 bits on some systems; longer output takes another round.
            var buffer = uv_buf_init(
                raw.baseAddress?.assumingMemoryBound(to: CChar.self),
                UInt32(min(count, 1 << 30))
            )
            return Int(uv_try_write(stream, &buffer, 1))
        }
        if sent < 0 && sent != Int(UV_EAGAIN.rawValue) {
            self.fail(LoopError(Int32(sent), while: "write to a connection"))
            return
        }
        let taken = max(0, sent)
        if taken < count {
            self.writeRest(from: taken, on: stream)
        }
        if self.outbound.capacity > Self.retainedBytesMax {
            self.outbound = []
        } else {
            self.outbound.removeAll(keepingCapacity: true)
        }
    }

    func flushQueued() {
        self.isQueued = false
        self.flush()
        self.closeWhenDrained()
    }

    private func queueFlush() {
        if self.pendingBytes > self.outboundBytesMax {
            self.fail(
                LoopError(
                    code: UV_ENOBUFS.rawValue,
                    description: "the peer does not read: \(self.pendingBytes) bytes wait for it"
                )
            )
            return
        }
        if self.isQueued || self.inflight != nil { return }
        self.isQueued = true
        self.state.needsFlush(self)
    }

    private func writeRest(from offset: Int, on stream: UnsafeMutablePointer<uv_stream_t>) {
        let request = self.outbound.withUnsafeBytes {
            WriteRequest(self, UnsafeRawBufferPointer(rebasing: $0[offset...]))
        }
        let status = request.submit(on: stream)
        if status < 0 {
            self.fail(LoopError(status, while: "write to a connection"))
            return
        }
        self.inflight = request
    }

    fileprivate func written(_ status: Int32) {
        self.state.hasRun = true
        self.inflight = nil
        guard self.isOpen else { return }
        if status < 0 {
            self.fail(LoopError(status, while: "write to a connection"))
            return
        }
        self.flush()
        if self.pendingBytes == 0 && !self.isClosing { self.onDrain?() }
        self.closeWhenDrained()
    }

    // MARK: Input

    /// Starts (or, after ``pauseReading()``, continues) to deliver input.
    package func resumeReading() {
        guard let stream = self.stream, !self.isReading, !self.isClosing else { return }
        self.isReading = true
        let status = uv_read_start(
            stream,
            { handle, _, buffer in
                guard let state = owner(handle?.pointee.data, TCPConnection.self)?.state else {
                    return
                }
                buffer?.pointee = uv_buf_init(state.readBuffer, UInt32(LoopState.readBufferBytes))
            },
            { stream, count, buffer in
                let connection = owner(stream?.pointee.data, TCPConnection.self)
                if count == 0 { return }
                connection?.received(count, buffer?.pointee.base)
            }
        )
        if status < 0 { self.fail(LoopError(status, while: "read from a connection")) }
    }

    /// Stops delivering input; the kernel's window then holds the peer back.
    package func pauseReading() {
        guard let stream = self.stream, self.isReading else { return }
        self.isReading = false
        uv_read_stop(stream)
    }

    private func received(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
        if count > 0 {
            if self.isClosing { return }
            self.onRead?(UnsafeRawBufferPointer(start: base, count: count))
        } else if count == Int(UV_EOF.rawValue) {
            self.ended()
        } else {
            self.fail(LoopError(Int32(count), while: "read from a connection"))
        }
    }

    private func ended() {
        guard let onEnd = self.onEnd, !self.isClosing else { return self.beginClose() }
        self.pauseReading()
        onEnd()
    }

    // MARK: Close

    /// Sends what is buffered, then closes; no input is delivered any more.
    package func close() {
        guard self.isOpen, !self.isClosing else { return }
        self.pauseReading()
        self.isClosing = true
        if !self.isQueued { self.flush() }
        self.closeWhenDrained()
    }

    /// Closes as ``close()`` does, but lets a peer that is still sending read our last words.
    ///
    /// Closing with unread input makes the kernel reset the connection, and a client in the middle
    /// of a long request then never sees why it was refused. So our side ends first, and input is
    /// thrown away until the peer ends its own, for a second at most.
    package func closeGently() {
        guard self.isOpen, !self.isClosing else { return }
        self.resumeReading()
        self.isClosing = true
        self.isLingering = true
        if !self.isQueued { self.flush() }
        self.closeWhenDrained()
    }

    /// Closes at once and drops what is buffered.
    package func abort() { self.beginClose() }

    private func closeWhenDrained() {
        guard self.isClosing, self.pendingBytes == 0 else { return }
        if self.isLingering { self.linger() } else { self.beginClose() }
    }

    private func linger() {
        guard self.lingerTimer == nil, let stream = self.stream else { return }
        var descriptor: uv_os_fd_t = -1
        let isShut =
            uv_fileno(
                UnsafeMutableRawPointer(stream).assumingMemoryBound(to: uv_handle_t.self),
                &descriptor
            ) == 0
            && shutdown(descriptor, Int32(SHUT_WR)) == 0
        guard isShut else { return self.beginClose() }
        self.lingerTimer = LoopTimer.start(self.state, after: Self.lingerNanoseconds, every: nil) {
            [weak self] in self?.beginClose()
        }
    }

    func fail(_ reason: LoopError) {
        guard self.isOpen else { return }
        self.closeReason = reason
        self.beginClose()
    }

    override func didClose() {
        let onClose = self.onClose
        self.lingerTimer?.cancel()
        self.lingerTimer = nil
        self.onRead = nil
        self.onEnd = nil
        self.onClose = nil
        self.onDrain = nil
        self.outbound = []
        if !self.state.isShutDown { onClose?(self.closeReason) }
    }
}

/// Output that the kernel did not take at once; owns its bytes until libuv calls back.
private final class WriteRequest {
    private let connection: TCPConnection
    private let request: UnsafeMutablePointer<uv_write_t>
    private let bytes: UnsafeMutableRawBufferPointer

    var count: Int { self.bytes.count }

    init(_ connection: TCPConnection, _ bytes: UnsafeRawBufferPointer) {
        self.connection = connection
        self.request = .allocate(capacity: 1)
        self.bytes = .allocate(byteCount: bytes.count, alignment: 16)
        self.bytes.copyMemory(from: bytes)
    }

    deinit {
        self.request.deallocate()
        self.bytes.deallocate()
    }

    func submit(on stream: UnsafeMutablePointer<uv_stream_t>) -> Int32 {
        var buffer = uv_buf_init(
            self.bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
            UInt32(self.bytes.count)
        )
        let retained = Unmanaged.passRetained(self)
        self.request.pointee.data = retained.toOpaque()
        let status = uv_write(self.request, stream, &buffer, 1) { request, status in
            guard let data = request?.pointee.data else { return }
            let write = Unmanaged<WriteRequest>.fromOpaque(data).takeRetainedValue()
            write.connection.written(status)
        }
        if status < 0 { retained.release() }
        return status
    }
}
