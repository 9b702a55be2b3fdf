import Glibc

/// A TCP client that blocks, for commands that ask a running cluster one thing and print the
/// answer.
package final class BlockingSocket {
    private let descriptor: Int32
    private let port: UInt16

    /// Connects to 127.0.0.1; every timeout is in milliseconds.
    package init(port: UInt16, timeoutMilliseconds: Int) throws(LoopError) {
        self.port = port
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        if descriptor < 0 { throw systemError("make a socket") }
        self.descriptor = descriptor
        var one: Int32 = 1
        setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &one,
            socklen_t(MemoryLayout<Int32>.size)
        )
        let action = "connect to 127.0.0.1:\(port)"
        let status = withLoopback(port) {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        if status == 0 { return }
        guard errno == EINPROGRESS else { throw systemError(action) }
        try self.wait(for: POLLOUT, timeoutMilliseconds, action)
        var failure: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
        if failure != 0 { throw LoopError(-failure, while: action) }
    }

    deinit { Glibc.close(self.descriptor) }

    package func send(_ bytes: [UInt8], timeoutMilliseconds: Int) throws(LoopError) {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes {
                Glibc.send(
                    self.descriptor,
                    $0.baseAddress.map { $0 + offset },
                    $0.count - offset,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if sent >= 0 {
                offset += sent
            } else if errno == EAGAIN {
                try self.wait(for: POLLOUT, timeoutMilliseconds, "write to port \(self.port)")
            } else if errno != EINTR {
                throw systemError("write to port \(self.port)")
            }
        }
    }

    /// Ends our side; the peer's answers can still be received.
    package func endSending() { shutdown(self.descriptor, Int32(SHUT_WR)) }

    /// What has arrived, at least one byte; empty at the end of the stream.
    package func receive(timeoutMilliseconds: Int) throws(LoopError) -> [UInt8] {
        while true {
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
                let received = recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
                failure = received < 0 ? errno : 0
                count = max(0, received)
            }
            if failure == 0 { return bytes }
            if failure == EAGAIN {
                try self.wait(for: POLLIN, timeoutMilliseconds, "read from port \(self.port)")
            } else if failure != EINTR {
                throw LoopError(-failure, while: "read from port \(self.port)")
            }
        }
    }

    private func wait(
        for events: Int32,
        _ milliseconds: Int,
        _ action: String
    ) throws(LoopError) {
        var entry = pollfd(fd: self.descriptor, events: Int16(events), revents: 0)
        while true {
            let ready = poll(&entry, 1, Int32(clamping: milliseconds))
            if ready > 0 { return }
            if ready == 0 { throw LoopError(-ETIMEDOUT, while: action) }
            if errno != EINTR { throw systemError(action) }
        }
    }
}

private func systemError(_ action: String) -> LoopError { LoopError(-errno, while: action) }
