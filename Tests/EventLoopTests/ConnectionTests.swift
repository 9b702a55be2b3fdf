import EventLoop
import Foundation
import Testing

@Suite("TCP connections")
struct ConnectionTests {
    @Test("two hundred connections get back every byte in order")
    func echo() throws {
        let loop = try EventLoop()
        let listener = try loop.listen(port: 0) { connection in
            connection.onRead = { [unowned connection] in connection.write($0) }
        }
        let connections = 200
        let rounds = 20
        var open = connections
        for number in 0..<connections {
            let message = patterned(1 + number * 7, seed: UInt64(number))
            loop.connect(port: listener.port) { result in
                guard let client = try? result.get() else {
                    Issue.record("connection \(number) failed")
                    return loop.stop()
                }
                var received: [UInt8] = []
                var done = 0
                client.onRead = { [unowned client] in
                    received.append(contentsOf: $0)
                    guard received.count == message.count else { return }
                    if received != message { Issue.record("connection \(number) got other bytes") }
                    received = []
                    done += 1
                    if done == rounds { client.close() } else { client.write(message) }
                }
                client.onClose = { reason in
                    #expect(reason == nil)
                    open -= 1
                    if open == 0 { loop.stop() }
                }
                client.write(message)
            }
        }
        run(loop)
        #expect(open == 0)
    }

    @Test("output waits for the turn's end and then leaves in one piece")
    func oneWriteATurn() throws {
        let loop = try EventLoop()
        var reads: [Int] = []
        try connectedPair(loop) { client, server in
            server.onRead = { bytes in
                reads.append(bytes.count)
                loop.stop()
            }
            for _ in 0..<100 { client.write([1, 2, 3]) }
            client.append { $0.append(4) }
            #expect(client.pendingBytes == 301)
        }
        run(loop)
        #expect(reads == [301])
    }

    @Test("a peer that does not read makes output wait, and gets all of it when it reads again")
    func backPressure() throws {
        let loop = try EventLoop()
        let message = patterned(1 << 16)
        let count = 400
        var received: [UInt8] = []
        var drained = 0
        try connectedPair(loop) { client, server in
            server.pauseReading()
            server.onRead = { bytes in
                received.append(contentsOf: bytes)
                if received.count == count * message.count { loop.stop() }
            }
            client.onDrain = { drained += 1 }
            for _ in 0..<count { client.write(message) }
            loop.timer(afterNanoseconds: 20_000_000) {
                #expect(client.pendingBytes > 0)
                #expect(client.pendingBytes < count * message.count)
                #expect(received.isEmpty)
                server.resumeReading()
            }
        }
        run(loop)
        try #require(received.count == count * message.count)
        let isOrdered = received.withUnsafeBytes { received in
            guard let base = received.baseAddress else { return false }
            return (0..<count).allSatisfy {
                memcmp(message, base + $0 * message.count, message.count) == 0
            }
        }
        #expect(isOrdered)
        #expect(drained == 1)
    }

    @Test("output beyond the limit aborts the connection, and says so once")
    func outboundLimit() throws {
        let loop = try EventLoop()
        var reasons: [LoopError?] = []
        try connectedPair(loop) { client, server in
            server.pauseReading()
            client.outboundBytesMax = 1 << 18
            client.onClose = { reason in
                reasons.append(reason)
                loop.timer(afterNanoseconds: 2_000_000) { loop.stop() }
            }
            let message = patterned(1 << 15)
            for _ in 0..<100 { client.write(message) }
            #expect(!client.isOpen)
        }
        run(loop)
        #expect(reasons.count == 1)
        #expect(reasons.first??.isOutboundOverflow == true)
    }

    @Test("close sends what is buffered first")
    func closeFlushes() throws {
        let loop = try EventLoop()
        let message = patterned(2 << 20)
        var received: [UInt8] = []
        var closes: [LoopError?] = []
        try connectedPair(loop) { client, server in
            server.onRead = { received.append(contentsOf: $0) }
            server.onClose = { reason in
                closes.append(reason)
                loop.stop()
            }
            client.write(message)
            client.close()
            client.write([1, 2, 3])
        }
        run(loop)
        #expect(received == message)
        #expect(closes == [nil])
    }

    @Test("a gentle close lets a peer that is still sending read the answer")
    func closeGently() throws {
        let loop = try EventLoop()
        let request = patterned(8 << 20)
        var answer: [UInt8] = []
        var closes: [LoopError?] = []
        try connectedPair(loop) { client, server in
            server.onRead = { [unowned server] _ in
                server.write([4, 1, 3])
                server.closeGently()
            }
            server.onClose = { reason in
                closes.append(reason)
                loop.stop()
            }
            client.onRead = { answer.append(contentsOf: $0) }
            client.onEnd = { client.close() }
            client.write(request)
        }
        run(loop)
        #expect(answer == [4, 1, 3])
        #expect(closes == [nil])
    }

    @Test("a gentle close of a peer that never ends takes a second, not for ever")
    func closeGentlyAlone() throws {
        let loop = try EventLoop()
        var closed = false
        let start = loop.now
        try connectedPair(loop) { client, server in
            client.onEnd = {}
            server.onClose = { _ in
                closed = true
                loop.stop()
            }
            server.closeGently()
        }
        run(loop)
        #expect(closed)
        #expect(loop.now - start >= 1_000_000_000)
    }

    @Test("a peer that ended its side still gets answers when the owner wants to send them")
    func halfOpen() throws {
        let loop = try EventLoop()
        let listener = try loop.listen(port: 0) { connection in
            connection.onEnd = { [unowned connection] in
                connection.write([9])
                connection.close()
                loop.stop()
            }
        }
        let client = try BlockingSocket(port: listener.port, timeoutMilliseconds: 5_000)
        client.endSending()
        run(loop)
        #expect(try client.receive(timeoutMilliseconds: 5_000) == [9])
        #expect(try client.receive(timeoutMilliseconds: 5_000) == [])
    }

    @Test("abort drops what is buffered")
    func abortDrops() throws {
        let loop = try EventLoop()
        var received = 0
        var closed = 0
        try connectedPair(loop) { client, server in
            server.onRead = { received += $0.count }
            server.onClose = { _ in
                closed += 1
                if closed == 2 { loop.stop() }
            }
            client.onClose = { reason in
                #expect(reason == nil)
                closed += 1
                if closed == 2 { loop.stop() }
            }
            client.write([1, 2, 3])
            client.abort()
            client.abort()
        }
        run(loop)
        #expect(received == 0)
        #expect(closed == 2)
    }

    @Test("connecting to a port where nobody listens is refused")
    func refused() throws {
        let loop = try EventLoop()
        let listener = try loop.listen(port: 0) { _ in }
        let port = listener.port
        listener.close()
        var failure: LoopError?
        loop.timer(afterNanoseconds: 1_000_000) {
            loop.connect(port: port) { result in
                if case .failure(let error) = result { failure = error }
                loop.stop()
            }
        }
        run(loop)
        #expect(failure?.isRefused == true)
        #expect(failure?.description.contains("\(port)") == true)
    }

    @Test("a port in use is an error that names the port and its holder")
    func portInUse() throws {
        let loop = try EventLoop()
        let listener = try loop.listen(port: 0) { _ in }
        let failure = #expect(throws: LoopError.self) {
            try loop.listen(port: listener.port) { _ in }
        }
        let text = failure?.description ?? ""
        #expect(failure?.isAddressInUse == true)
        #expect(text.contains("port \(listener.port) is in use by process"), "\(text)")
        let holder = portHolder(listener.port)
        #expect(holder.map { text.contains("process \($0.pid): \($0.command)") } == true, "\(text)")
        #expect(holder?.command.isEmpty == false)
    }

    @Test("a loop that is gone has closed its connections without calling back")
    func loopGone() throws {
        weak var dropped: TCPConnection?
        var kept: TCPConnection?
        var called = false
        do {
            let loop = try EventLoop()
            try connectedPair(loop) { client, server in
                dropped = server
                kept = client
                client.onClose = { _ in called = true }
                loop.stop()
            }
            run(loop)
            #expect(dropped != nil)
        }
        #expect(dropped == nil)
        #expect(kept?.isOpen == false)
        kept?.write([1])
        kept?.close()
        #expect(!called)
    }

    @Test("a blocking client talks to a loop, and times out when nobody answers")
    func blockingClient() throws {
        let loop = try EventLoop()
        let listener = try loop.listen(port: 0) { connection in
            connection.onRead = { bytes in
                connection.write(bytes)
                connection.close()
                loop.stop()
            }
        }
        let client = try BlockingSocket(port: listener.port, timeoutMilliseconds: 5_000)
        try client.send([1, 2, 3], timeoutMilliseconds: 5_000)
        let failure = #expect(throws: LoopError.self) {
            try client.receive(timeoutMilliseconds: 1)
        }
        #expect(failure?.description.contains("timed out") == true)
        run(loop)
        #expect(try client.receive(timeoutMilliseconds: 5_000) == [1, 2, 3])
        #expect(try client.receive(timeoutMilliseconds: 5_000) == [])
        let port = listener.port
        listener.close()
        loop.timer(afterNanoseconds: 0) { loop.stop() }
        run(loop)
        let refusal = #expect(throws: LoopError.self) {
            try BlockingSocket(port: port, timeoutMilliseconds: 5_000)
        }
        #expect(refusal?.isRefused == true)
    }
}
