import NodeHost
import Primitives
import Testing
import Topology
import Wire

@Suite("What control requests may ask of links and clocks") struct ControlSettingsTests {
    private static func json(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8))
    }

    @Test func links() throws {
        let text =
            "{\"latencyUs\":1500,\"jitterUs\":2,\"lossPpm\":3,\"bandwidth\":4,\"cut\":true}"
        let link = try LinkSettings(control: Self.json(text))
        #expect(
            link
                == LinkSettings(
                    latency: .microseconds(1_500),
                    jitter: .microseconds(2),
                    lossPerMillion: 3,
                    bandwidth: 4,
                    isCut: true
                )
        )
        let empty = try LinkSettings(control: Self.json("{\"bandwidth\":null}"))
        #expect(empty == .instant)
    }

    @Test func clocks() throws {
        let clock = try ClockSettings(control: Self.json("{\"offsetNs\":-5,\"driftPpm\":40}"))
        #expect(clock == ClockSettings(offsetNanoseconds: -5, driftPPM: 40))
        #expect(try ClockSettings(control: Self.json("{}")) == .exact)
    }

    @Test(
        "numbers beyond all measure are refused by name",
        arguments: [
            ("latencyUs", "18446744073709551615"), ("latencyUs", "600000001"),
            ("latencyUs", "-1"), ("latencyUs", "1.5"), ("latencyUs", "1e3"),
            ("latencyUs", "\"5\""), ("jitterUs", "18446744073709551"), ("lossPpm", "1000000"),
            ("bandwidth", "-1"), ("bandwidth", "9223372036854775808"),
        ]
    )
    func immenseLinks(name: String, value: String) throws {
        let json = try Self.json("{\"\(name)\":\(value)}")
        let fault = #expect(throws: ControlFault.self) { try LinkSettings(control: json) }
        #expect(fault?.text.hasPrefix("'\(name)' must be a whole number from 0 to ") == true)
    }

    @Test(
        arguments: [
            ("offsetNs", "9223372036854775807"), ("offsetNs", "-9223372036854775808"),
            ("offsetNs", "99999999999999999999"), ("driftPpm", "2147483647"),
            ("driftPpm", "-1000001"), ("driftPpm", "true"),
        ]
    )
    func immenseClocks(name: String, value: String) throws {
        let json = try Self.json("{\"\(name)\":\(value)}")
        let fault = #expect(throws: ControlFault.self) { try ClockSettings(control: json) }
        #expect(fault?.text.hasPrefix("'\(name)' must be") == true)
    }

    @Test("a clock never overflows, whatever it is set to")
    func clockArithmetic() {
        var clock = SkewedClock(ClockSettings(offsetNanoseconds: .max, driftPPM: .max))
        #expect(clock.now(.max).nanoseconds == UInt64(Int64.max))
        clock.set(ClockSettings(offsetNanoseconds: .min, driftPPM: .min), monotonic: 1)
        #expect(clock.now(.max).nanoseconds == 0)
        clock.set(ClockSettings(offsetNanoseconds: 0, driftPPM: 1_000), monotonic: 1_000_000_000)
        let exact = SkewedClock(.exact)
        let before = exact.now(1).nanoseconds
        let later = clock.now(1_001_000_000_000).nanoseconds
        let after = exact.now(1).nanoseconds
        #expect(later >= before + 1_000_000_000 && later <= after + 1_000_000_000)
    }
}
