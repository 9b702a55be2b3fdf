import Testing
import Topology

@Suite("quantities")
struct QuantityTests {
    @Test(
        "durations are exact nanoseconds",
        arguments: [
            ("70ms", 70_000_000), ("1.5s", 1_500_000_000), ("250us", 250_000), ("7ns", 7),
            ("0ms", 0), ("2m", 120_000_000_000), ("1h", 3_600_000_000_000), ("0.1us", 100),
            ("69.65ms", 69_650_000), ("0.000000001s", 1), ("01ms", 1_000_000),
            ("1.50000000000000000000000s", 1_500_000_000), ("18446744073709551615ns", UInt64.max),
        ] as [(String, UInt64)]
    )
    func durations(text: String, nanoseconds: UInt64) throws {
        #expect(try Quantity.duration(text) == nanoseconds)
    }

    @Test(
        "what is no duration says why",
        arguments: [
            ("70", .missingUnit), ("0", .missingUnit), ("1.5", .missingUnit), ("", .malformed),
            ("ms", .malformed), ("-5ms", .malformed), ("+5ms", .malformed), ("5 ms", .malformed),
            ("1.ms", .malformed), (".5ms", .malformed), ("1.2.3ms", .malformed),
            ("1e3ms", .unknownUnit("e3ms")), ("70msec", .unknownUnit("msec")),
            ("70MS", .unknownUnit("MS")), ("5%", .unknownUnit("%")), ("5µs", .unknownUnit("µs")),
            ("0.5ns", .tooFine), ("0.0000001ms", .tooFine), ("1.0000000000000000001s", .tooFine),
            ("18446744073709551616ns", .tooLarge), ("99999999999999999999s", .tooLarge),
            ("18446744073709551615s", .tooLarge), ("18446744073.709551616s", .tooLarge),
        ] as [(String, QuantityError)]
    )
    func refusedDurations(text: String, error: QuantityError) {
        #expect(throws: error) { try Quantity.duration(text) }
    }

    @Test("signs are read where they mean something")
    func signed() throws {
        #expect(try Quantity.signedDuration("+120ms") == 120_000_000)
        #expect(try Quantity.signedDuration("120ms") == 120_000_000)
        #expect(try Quantity.signedDuration("-2s") == -2_000_000_000)
        #expect(throws: QuantityError.malformed) { try Quantity.signedDuration("+-2s") }
        #expect(throws: QuantityError.malformed) { try Quantity.signedDuration("-") }
        #expect(throws: QuantityError.tooLarge) {
            try Quantity.signedDuration("18446744073709551615ns")
        }
        #expect(try Quantity.drift("40ppm") == 40)
        #expect(try Quantity.drift("-40ppm") == -40)
        #expect(throws: QuantityError.tooFine) { try Quantity.drift("0.5ppm") }
        #expect(throws: QuantityError.tooLarge) { try Quantity.drift("3000000000ppm") }
        #expect(throws: QuantityError.missingUnit) { try Quantity.drift("+40") }
    }

    @Test("shares are parts per million")
    func ratios() throws {
        #expect(try Quantity.partsPerMillion("0.1%") == 1_000)
        #expect(try Quantity.partsPerMillion("100%") == 1_000_000)
        #expect(try Quantity.partsPerMillion("0.0001%") == 1)
        #expect(try Quantity.partsPerMillion("500ppm") == 500)
        #expect(throws: QuantityError.tooLarge) { try Quantity.partsPerMillion("100.1%") }
        #expect(throws: QuantityError.tooFine) { try Quantity.partsPerMillion("0.00001%") }
        #expect(throws: QuantityError.missingUnit) { try Quantity.partsPerMillion("0.01") }
    }

    @Test("bits are eighths of bytes")
    func bandwidths() throws {
        #expect(try Quantity.bandwidth("50Mbit") == 6_250_000)
        #expect(try Quantity.bandwidth("1Gbit") == 125_000_000)
        #expect(try Quantity.bandwidth("10MB") == 10_000_000)
        #expect(try Quantity.bandwidth("1.5kB") == 1_500)
        #expect(try Quantity.bandwidth("15bit") == 1)
        #expect(throws: QuantityError.unknownUnit("mbit")) { try Quantity.bandwidth("50mbit") }
        #expect(throws: QuantityError.malformed) { try Quantity.bandwidth("50/s") }
    }

    @Test("what is written can be read again")
    func roundTrip() throws {
        for value in [0, 1, 999, 1_000, 1_001, 69_650_000, 70_000_000, 1_500_000_000, .max]
            as [UInt64]
        {
            #expect(try Quantity.duration(Quantity.text(nanoseconds: value)) == value)
        }
        #expect(Quantity.text(nanoseconds: 70_000_000) == "70ms")
        #expect(Quantity.text(nanoseconds: 1_500_000_000) == "1.5s")
        #expect(Quantity.text(nanoseconds: 250_000) == "250us")
        #expect(Quantity.text(signedNanoseconds: -120_000_000) == "-120ms")
        #expect(Quantity.text(partsPerMillion: 1_000) == "0.1%")
        #expect(Quantity.text(bandwidth: 6_250_000) == "50Mbit")
        #expect(Quantity.text(bandwidth: .max) == "18446744073.709551615GB")
        #expect(Quantity.milliseconds(34_825_000) == "34.825")
        #expect(Quantity.milliseconds(70_000_000) == "70")
    }

    @Test(
        "the near word is suggested, a far one is not",
        arguments: [
            ("latncy", "latency"), ("Latency", "latency"), ("lantecy", "latency"),
            ("jiter", "jitter"), ("los", "loss"), ("zone", "zones"), ("xyz", nil), ("", nil),
            ("network", nil),
        ] as [(String, String?)]
    )
    func suggestions(word: String, expected: String?) {
        let known = ["latency", "zones", "jitter", "loss", "bandwidth", "links"]
        #expect(Suggestion.nearest(to: word, among: known) == expected)
    }
}
