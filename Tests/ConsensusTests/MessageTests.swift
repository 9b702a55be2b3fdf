import Consensus
import Primitives
import Testing

@Suite("Messages survive the wire") struct MessageTests {
    static let configuration = Configuration(
        voters: [1, 2, 3].map(Group.id),
        learners: [ReplicaID(node: NodeID(9), incarnation: 7)]
    )

    static let samples: [Message] = [
        .append(7, after: (0, 0)),
        .append(7, after: (300, 5), [5, 6, 7, 7], commit: 299),
        .append(
            Message.Append(
                term: Term(3),
                previous: .at(4, 2),
                entries: [
                    Entry(term: Term(2), index: LogIndex(5), kind: .noop, payload: []),
                    Entry(
                        term: Term(3),
                        index: LogIndex(6),
                        kind: .configuration,
                        payload: Self.configuration.payload
                    ),
                ],
                commit: LogIndex(9),
                wantsResponse: false
            )
        ),
        .matched(1 << 40, 1 << 50), .rejected(3, after: 17, hint: (12, 2)),
        .voteRequest(3, last: (4, 2)), .voteRequest(3, last: (4, 2), pre: true),
        .voteRequest(3, last: (4, 2), invited: true),
        .vote(3), .vote(3, pre: true), .vote(3, granted: false),
        .timeoutNow(Term(3)), .resigned(Term(4)),
    ]

    private func encoded(_ message: Message) -> [UInt8] {
        var writer = ByteWriter()
        message.encode(into: &writer)
        return writer.bytes
    }

    @Test(arguments: Self.samples)
    func roundTrips(_ message: Message) throws {
        var reader = ByteReader(self.encoded(message))
        #expect(try Message(decoding: &reader) == message)
        #expect(reader.isAtEnd)
    }

    @Test("cut anywhere, a message is an error", arguments: Self.samples)
    func truncated(_ message: Message) {
        let bytes = self.encoded(message)
        for length in 0..<bytes.count {
            var reader = ByteReader(Array(bytes[..<length]))
            #expect(throws: DecodingError.self) { try Message(decoding: &reader) }
        }
    }

    @Test("any bytes are a message or an error, and a message can be written again")
    func fuzzed() throws {
        var random = SplitMix64(seed: 1)
        var accepted = 0
        for round in 0..<20_000 {
            var bytes = self.encoded(Self.samples[round % Self.samples.count])
            for _ in 0...random.below(3) {
                bytes[Int(random.below(UInt64(bytes.count)))] = UInt8(random.below(256))
            }
            var reader = ByteReader(bytes)
            guard let message = try? Message(decoding: &reader) else { continue }
            accepted += 1
            var again = ByteReader(self.encoded(message))
            #expect(try Message(decoding: &again) == message)
        }
        #expect((1_000..<20_000).contains(accepted))
    }

    @Test("what no leader sends is refused")
    func refused() {
        func entry(_ term: UInt64, _ kind: Entry.Kind = .command, _ payload: [UInt8] = []) -> Entry
        {
            Entry(term: Term(term), index: LogIndex(3), kind: kind, payload: payload)
        }
        for bad in [entry(1), entry(6), entry(5, .noop, [1]), entry(5, .configuration, [0, 0])] {
            let append = Message.Append(
                term: Term(5),
                previous: .at(2, 2),
                entries: [bad],
                commit: .zero,
                wantsResponse: true
            )
            var reader = ByteReader(self.encoded(.append(append)))
            #expect(throws: DecodingError.self) { try Message(decoding: &reader) }
        }
        for bytes in [[0], [9], [7, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]]
            as [[UInt8]]
        {
            var reader = ByteReader(bytes)
            #expect(throws: DecodingError.self) { try Message(decoding: &reader) }
        }
    }

    @Test("a configuration is refused that is empty, doubled, too large or followed by more")
    func configurations() throws {
        #expect(try Configuration(payload: Self.configuration.payload) == Self.configuration)
        let many = Configuration(voters: (1...ConsensusLimits.membersMax + 1).map(Group.id))
        let doubled = Configuration(voters: [1, 1].map(Group.id))
        for bad in [Configuration.none, many, doubled] {
            #expect(throws: DecodingError.self) { try Configuration(payload: bad.payload) }
        }
        #expect(throws: DecodingError.self) {
            try Configuration(payload: Self.configuration.payload + [0])
        }
    }
}
