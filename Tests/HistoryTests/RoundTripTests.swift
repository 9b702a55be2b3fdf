import History
import Primitives
import Testing

@Suite("Histories survive writing and reading") struct RoundTripTests {
    @Test("what was written is what is read, whatever bytes the names hold", arguments: 0..<100)
    func roundTrip(seed: UInt64) throws {
        var generator = HistoryGenerator(seed: seed)
        let history = generator.history(events: 60)
        let bytes = history.encoded()
        let read = try History(parsing: bytes)
        #expect(read.header == history.header)
        #expect(read.events.count == history.events.count)
        // Numbers follow first appearance, so a second pass changes nothing.
        #expect(read.encoded() == bytes, "seed \(seed)")
        let again = try History(parsing: read.encoded())
        #expect(again.events == read.events, "seed \(seed)")
    }

    @Test("a file cut anywhere between reads is the same history")
    func splitAnywhere() throws {
        var generator = HistoryGenerator(seed: 4)
        let bytes = generator.history(events: 12).encoded()
        let whole = try History(parsing: bytes)
        for cut in 0...bytes.count {
            var reader = HistoryReader()
            var events: [HistoryEvent] = []
            try reader.feed(Array(bytes[..<cut])) { events.append($0) }
            try reader.feed(Array(bytes[cut...])) { events.append($0) }
            try reader.finish { events.append($0) }
            #expect(events == whole.events, "cut at \(cut)")
        }
    }

    @Test("a hundred thousand damaged histories are read or refused with a line")
    func damagedInput() {
        var refused = 0
        for seed in 0..<100_000 as Range<UInt64> {
            var chance = SplitMix64(seed: seed)
            var generator = HistoryGenerator(seed: seed % 512)
            var bytes = generator.history(events: 2).encoded()
            for _ in 0...chance.below(3) { self.damage(&bytes, &chance) }
            let lines = bytes.count { $0 == 0x0A } + 1
            do throws(HistoryError) {
                let history = try History(parsing: bytes)
                #expect(history.events.count <= lines)
            } catch {
                refused += 1
                #expect(1...lines ~= error.line && !error.message.isEmpty, "seed \(seed)")
            }
        }
        #expect(refused > 50_000 && refused < 100_000)
    }

    private func damage(_ bytes: inout [UInt8], _ chance: inout SplitMix64) {
        let tokens = ["\"", "{", "}", "[", "]", ",", ":", "null", "\\u", "\\udcff", "1e9", "\n"]
        let at = chance.below(bytes.count)
        switch chance.below(5) {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: chance.next())
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: tokens[chance.below(tokens.count)].utf8, at: at)
        case 3: bytes.removeSubrange(at..<min(bytes.count, at + chance.below(20)))
        default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 9)], at: at)
        }
        if bytes.isEmpty { bytes = [0] }
    }
}
