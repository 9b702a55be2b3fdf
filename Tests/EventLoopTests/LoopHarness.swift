import EventLoop
import Testing

/// Runs a loop until the test stops it; a test that hangs fails instead.
func run(_ loop: EventLoop, seconds: UInt64 = 20) {
    let guardTimer = loop.timer(afterNanoseconds: seconds * 1_000_000_000) {
        Issue.record("the loop was still running after \(seconds) s")
        loop.stop()
    }
    loop.run()
    guardTimer.cancel()
}

/// Listens, connects to itself, and hands out both ends.
func connectedPair(
    _ loop: EventLoop,
    _ body: @escaping (_ client: TCPConnection, _ server: TCPConnection) -> Void
) throws {
    var accepted: TCPConnection?
    var connected: TCPConnection?
    var listener: TCPListener?
    let pairUp = {
        guard let client = connected, let server = accepted else { return }
        listener?.close()
        body(client, server)
    }
    listener = try loop.listen(port: 0) { connection in
        accepted = connection
        pairUp()
    }
    loop.connect(port: listener?.port ?? 0) { result in
        connected = try? result.get()
        if connected == nil { Issue.record("not connected") }
        pairUp()
    }
}

/// Bytes that differ at every position a mix-up could swap.
func patterned(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
