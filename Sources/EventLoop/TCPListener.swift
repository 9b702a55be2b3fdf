import CUV
import Glibc

/// A listening socket on 127.0.0.1.
package final class TCPListener: LoopHandle {
    private static let backlog: Int32 = 1024

    private(set) package var port: UInt16 = 0
    private var onAccept: ((TCPConnection) -> Void)?

    private init(_ state: LoopState, _ onAccept: @escaping (TCPConnection) -> Void)
        throws(LoopError)
    {
        self.onAccept = onAccept
        super.init(state, UV_TCP)
        guard let tcp = self.pointer(as: uv_tcp_t.self) else { return }
        try check(uv_tcp_init(state.loop, tcp), "make a socket")
        self.register()
    }

    static func start(
        _ state: LoopState,
        port: UInt16,
        _ onAccept: @escaping (TCPConnection) -> Void
    ) throws(LoopError) -> TCPListener {
        let listener = try TCPListener(state, onAccept)
        do {
            try listener.listen(port)
        } catch {
            listener.close()
            throw error
        }
        return listener
    }

    package func close() {
        self.onAccept = nil
        self.beginClose()
    }

    override func didClose() { self.onAccept = nil }

    private func listen(_ port: UInt16) throws(LoopError) {
        guard let tcp = self.pointer(as: uv_tcp_t.self),
            let stream = self.pointer(as: uv_stream_t.self)
        else { return }
        var status = withLoopback(port) { uv_tcp_bind(tcp, $0, 0) }
        if status == 0 {
            // libuv reports a port in use only here.
            status = uv_listen(stream, Self.backlog) { stream, status in
                guard status == 0 else { return }
                owner(stream?.pointee.data, TCPListener.self)?.accept()
            }
        }
        if status == UV_EADDRINUSE.rawValue {
            throw LoopError(code: status, description: portInUseMessage(port))
        }
        try check(status, "listen on 127.0.0.1:\(port)")
        self.port = try boundPort(tcp)
    }

    private func accept() {
        guard let stream = self.pointer(as: uv_stream_t.self),
            let connection = try? TCPConnection(self.state)
        else { return }
        guard let accepted = connection.stream, uv_accept(stream, accepted) == 0,
            let onAccept = self.onAccept
        else {
            connection.abort()
            return
        }
        connection.disableDelay()
        onAccept(connection)
        connection.resumeReading()
    }
}

/// One attempt to connect.
private final class ConnectRequest {
    private let connection: TCPConnection
    private let port: UInt16
    private let done: (Result<TCPConnection, LoopError>) -> Void
    private let request: UnsafeMutablePointer<uv_connect_t>

    init(
        _ connection: TCPConnection,
        _ port: UInt16,
        _ done: @escaping (Result<TCPConnection, LoopError>) -> Void
    ) {
        self.connection = connection
        self.port = port
        self.done = done
        self.request = .allocate(capacity: 1)
    }

    deinit { self.request.deallocate() }

    func submit() {
        guard let tcp = self.connection.pointer(as: uv_tcp_t.self) else { return }
        let retained = Unmanaged.passRetained(self)
        self.request.pointee.data = retained.toOpaque()
        let status = withLoopback(self.port) {
            uv_tcp_connect(self.request, tcp, $0) { request, status in
                guard let data = request?.pointee.data else { return }
                let connect = Unmanaged<ConnectRequest>.fromOpaque(data).takeRetainedValue()
                connect.finished(status)
            }
        }
        if status < 0 {
            // Told from the loop all the same, so that callers see one order of events.
            retained.release()
            _ = LoopTimer.start(self.connection.state, after: 0, every: nil) {
                self.finished(status)
            }
        }
    }

    private func finished(_ status: Int32) {
        self.connection.state.hasRun = true
        if self.connection.state.isShutDown { return }
        if status < 0 {
            self.connection.abort()
            self.done(.failure(LoopError(status, while: "connect to 127.0.0.1:\(self.port)")))
            return
        }
        self.connection.disableDelay()
        self.done(.success(self.connection))
        self.connection.resumeReading()
    }
}

extension EventLoop {
    /// Listens on 127.0.0.1; port zero takes any free one.
    ///
    /// `onAccept` sets the connection's callbacks; reading starts when it returns, unless it closed
    /// or paused. A port in use is an error that names its holder.
    package func listen(
        port: UInt16,
        onAccept: @escaping (TCPConnection) -> Void
    ) throws(LoopError) -> TCPListener {
        try TCPListener.start(self.state, port: port, onAccept)
    }

    /// Connects to 127.0.0.1; `done` is called from the loop and sets the connection's callbacks.
    package func connect(port: UInt16, _ done: @escaping (Result<TCPConnection, LoopError>) -> Void)
    {
        let connection: TCPConnection
        do {
            connection = try TCPConnection(self.state)
        } catch {
            self.timer(afterNanoseconds: 0) { done(.failure(error)) }
            return
        }
        ConnectRequest(connection, port, done).submit()
    }
}

extension TCPConnection {
    fileprivate func disableDelay() {
        if let tcp = self.pointer(as: uv_tcp_t.self) { uv_tcp_nodelay(tcp, 1) }
    }
}

/// Calls `body` with the loopback address of a port.
func withLoopback<Value>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>) -> Value) -> Value {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
    }
}

private func boundPort(_ tcp: UnsafeMutablePointer<uv_tcp_t>) throws(LoopError) -> UInt16 {
    var address = sockaddr_in()
    var length = Int32(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            uv_tcp_getsockname(tcp, $0, &length)
        }
    }
    try check(status, "ask for a socket's port")
    return UInt16(bigEndian: address.sin_port)
}
