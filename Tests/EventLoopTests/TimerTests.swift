import EventLoop
import Testing

@Suite("Timers, alarms and turns")
struct TimerTests {
    @Test("timers fire in the order of their deadlines, equal ones in the order of their making")
    func order() throws {
        let loop = try EventLoop()
        var fired: [Int] = []
        for (name, milliseconds) in [(4, 30), (1, 0), (3, 20), (2, 10), (5, 30)] {
            loop.timer(afterNanoseconds: UInt64(milliseconds) * 1_000_000) {
                fired.append(name)
                if fired.count == 5 { loop.stop() }
            }
        }
        run(loop)
        #expect(fired == [1, 2, 3, 4, 5])
    }

    @Test("a timer never fires early", arguments: [1, 300_000, 1_000_000, 1_500_000, 7_000_001])
    func neverEarly(delay: UInt64) throws {
        let loop = try EventLoop()
        let start = loop.now
        var elapsed: UInt64 = 0
        loop.timer(afterNanoseconds: delay) {
            elapsed = loop.now - start
            loop.stop()
        }
        run(loop)
        #expect(elapsed >= delay)
    }

    @Test("a repeating timer fires until it is cancelled, even by itself")
    func repeating() throws {
        let loop = try EventLoop()
        var count = 0
        var timer: LoopTimer?
        timer = loop.timer(afterNanoseconds: 1_000_000, everyNanoseconds: 1_000_000) {
            count += 1
            if count == 5 { timer?.cancel() }
        }
        loop.timer(afterNanoseconds: 40_000_000) { loop.stop() }
        run(loop)
        #expect(count == 5)
        #expect(timer?.isOpen == false)
    }

    @Test("a chain of zero-delay timers leaves room for I/O")
    func zeroDelayChain() throws {
        let loop = try EventLoop()
        var received = false
        func again() {
            if !received { loop.timer(afterNanoseconds: 0) { again() } }
        }
        again()
        try connectedPair(loop) { client, server in
            server.onRead = { _ in
                received = true
                loop.stop()
            }
            client.write([1])
        }
        run(loop)
        #expect(received)
    }

    @Test("an alarm fires once per deadline, not before it, at the last one armed")
    func alarm() throws {
        let loop = try EventLoop()
        var expected = loop.now + 500_000
        var punctual: [Bool] = []
        var alarm: LoopAlarm?
        alarm = try loop.alarm {
            punctual.append(loop.now >= expected)
            if punctual.count == 3 { return loop.stop() }
            expected = loop.now + 300_000
            alarm?.arm(at: expected)
        }
        alarm?.arm(at: loop.now + 60_000_000_000)
        alarm?.arm(at: expected)
        run(loop)
        #expect(punctual == [true, true, true])
        #expect(alarm?.deadline == nil)
        alarm?.close()
    }

    @Test("a disarmed alarm stays silent, and one in the past fires at once")
    func disarmed() throws {
        let loop = try EventLoop()
        var fired = 0
        let alarm = try loop.alarm { fired += 1 }
        alarm.arm(at: loop.now + 1_000_000)
        alarm.disarm()
        loop.timer(afterNanoseconds: 5_000_000) {
            #expect(fired == 0)
            alarm.arm(at: 0)
            loop.timer(afterNanoseconds: 5_000_000) { loop.stop() }
        }
        run(loop)
        #expect(fired == 1)
        alarm.close()
    }

    @Test("a turn ends after callbacks ran, and never without")
    func turnEnds() throws {
        let loop = try EventLoop()
        var log: [String] = []
        loop.onTurnEnd = { log.append("end") }
        loop.timer(afterNanoseconds: 1_000_000) { log.append("a") }
        loop.timer(afterNanoseconds: 10_000_000) {
            log.append("b")
            loop.stop()
        }
        run(loop)
        #expect(log.filter { $0 == "a" || $0 == "b" } == ["a", "b"])
        // At the start, and after the first timer; the turn that stops the loop may end it too.
        #expect(log.prefix(3) == ["end", "a", "end"])
        #expect(log.filter { $0 == "end" }.count <= 5, "\(log)")
    }

    @Test("a job runs on the pool and its follow-up on the loop")
    func work() throws {
        let loop = try EventLoop()
        let inbox = Inbox()
        var seen: [Int] = []
        for number in 0..<10 {
            loop.work({ inbox.add(number) }) {
                seen.append(number)
                if seen.count == 10 { loop.stop() }
            }
        }
        run(loop)
        #expect(seen.sorted() == Array(0..<10))
        #expect(inbox.sorted == Array(0..<10))
    }
}
