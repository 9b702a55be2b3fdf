import DataModel
import Foundation
import NodeCore
import Primitives
import Testing

@Suite("What nodes and logs hold can be read again, and nothing else can") struct CodecTests {
    static func encoded(_ message: Message) -> [UInt8] {
        var writer = ByteWriter()
        message.encode(into: &writer)
        return writer.bytes
    }

    static func message(_ bytes: [UInt8]) throws(DecodingError) -> Message {
        try Message(decoding: bytes, in: 0..<bytes.count)
    }

    @Test("every kind of message has a sample") func samplesAreComplete() {
        #expect(Set(MessageSamples.all.map { Self.encoded($0)[0] }) == Set(1...22))
    }

    @Test(arguments: MessageSamples.all.indices) func messagesRoundTrip(_ index: Int) throws {
        let message = MessageSamples.all[index]
        let bytes = Self.encoded(message)
        let again = try Self.message(bytes)
        #expect("\(again)" == "\(message)")
        #expect(Self.encoded(again) == bytes)
    }

    @Test("a message may lie anywhere in a buffer") func messagesInTheMiddle() throws {
        for message in MessageSamples.all {
            let bytes = Self.encoded(message)
            let buffer = [0xAA] + bytes + [0xBB, 0xCC]
            let again = try Message(decoding: buffer, in: 1..<1 + bytes.count)
            #expect(Self.encoded(again) == bytes)
        }
    }

    @Test("cut anywhere, or with a byte too many, a message is an error")
    func messagesAreWhole() {
        for message in MessageSamples.all {
            let bytes = Self.encoded(message)
            for length in 0..<bytes.count {
                #expect(throws: DecodingError.self) { try Self.message(Array(bytes[..<length])) }
            }
            #expect(throws: DecodingError.self) { try Self.message(bytes + [0]) }
        }
    }

    /// Reads mutated bytes; what can be read must be writable, and then mean the same.
    private func fuzz(
        _ samples: [[UInt8]],
        count: Int,
        seed: UInt64,
        _ recode: ([UInt8]) throws -> [UInt8]
    ) {
        var random = SplitMix64(seed: seed)
        var accepted = 0
        for _ in 0..<count {
            var bytes = samples[Int(random.below(UInt64(samples.count)))]
            for _ in 0...random.below(3) { Self.mutate(&bytes, &random) }
            guard let again = try? recode(bytes) else { continue }
            accepted += 1
            #expect((try? recode(again)) == again, "seed \(seed): \(bytes)")
        }
        #expect(accepted > count / 1_000, "the mutations are too coarse")
    }

    static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        guard !bytes.isEmpty else { return }
        let place = Int(random.below(UInt64(bytes.count)))
        switch random.below(6) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[place] ^= 1 << UInt8(random.below(8))
        case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][Int(random.below(5))]
        case 3: bytes.removeSubrange(place...)
        case 4: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        default:
            bytes.replaceSubrange(
                place..<min(place + 9, bytes.count),
                with: [UInt8](repeating: 0xFF, count: 9)
            )
        }
    }

    @Test("a hundred thousand broken frames are refused or harmless")
    func brokenMessages() {
        let samples = MessageSamples.all.map(Self.encoded)
        self.fuzz(samples, count: 100_000, seed: 1) { bytes in
            Self.encoded(try Self.message(bytes))
        }
    }

    // MARK: The catalog's log

    @Test func commandsRoundTrip() throws {
        for command in CatalogSamples.commands {
            #expect(try CatalogCommand(decoding: command.encoded) == command)
        }
    }

    @Test("cut anywhere, a command is an error") func commandsAreWhole() {
        for command in CatalogSamples.commands {
            let bytes = command.encoded
            for length in 0..<bytes.count {
                #expect(throws: DecodingError.self) {
                    try CatalogCommand(decoding: Array(bytes[..<length]))
                }
            }
        }
    }

    @Test func brokenCommands() {
        self.fuzz(CatalogSamples.commands.map(\.encoded), count: 30_000, seed: 2) { bytes in
            try CatalogCommand(decoding: bytes).encoded
        }
    }

    @Test func recordsRoundTrip() throws {
        for record in CatalogSamples.records {
            var reader = ByteReader(record.encoded)
            #expect(try TableRecord(decoding: &reader) == record)
            #expect(reader.isAtEnd)
            let bytes = record.encoded
            for length in 0..<bytes.count {
                var reader = ByteReader(Array(bytes[..<length]))
                #expect(throws: DecodingError.self) { try TableRecord(decoding: &reader) }
            }
        }
    }

    @Test func brokenRecords() {
        self.fuzz(CatalogSamples.records.map(\.encoded), count: 30_000, seed: 3) { bytes in
            var reader = ByteReader(bytes)
            return try TableRecord(decoding: &reader).encoded
        }
    }

    @Test("an unknown status or class in a record is an error, not its absence")
    func unknownValues() {
        let status = CatalogCommand.updateTable(TableID(1), nil, nil, .active).encoded
        let broken = Array(status.dropLast()) + [99]
        #expect(throws: DecodingError.self) { try CatalogCommand(decoding: broken) }
    }
}
