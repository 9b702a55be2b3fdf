import DataModel
import NodeCore
import Primitives
import Testing

@Suite("Parts of a node") struct PartsTests {
    @Test("a slot table is a dictionary whose numbers never find something else")
    func slotTableModel() {
        for seed in 0..<20 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var table = SlotTable<Int>()
            var model: [(id: UInt64, value: Int)] = []
            var gone: [UInt64] = []
            for step in 0..<400 {
                switch random.below(4) {
                case 0, 1:
                    let id = table.insert(step)
                    #expect(!model.contains { $0.id == id } && !gone.contains(id))
                    model.append((id, step))
                case 2 where !model.isEmpty:
                    let entry = model.remove(at: Int(random.below(UInt64(model.count))))
                    #expect(table.remove(entry.id) == entry.value)
                    gone.append(entry.id)
                default:
                    guard !model.isEmpty else { continue }
                    let place = Int(random.below(UInt64(model.count)))
                    table[model[place].id] = -step
                    model[place].value = -step
                }
                #expect(table.count == model.count)
            }
            for entry in model { #expect(table[entry.id] == entry.value) }
            for id in gone {
                #expect(table[id] == nil && !table.contains(id) && table.remove(id) == nil)
            }
            let negative = table.ids { $0 < 0 }
            #expect(Set(negative) == Set(model.filter { $0.value < 0 }.map(\.id)))
            #expect(negative.map { $0 & 0xFFFF_FFFF } == negative.map { $0 & 0xFFFF_FFFF }.sorted())
        }
    }

    @Test("the segments of a scan cover the circle once")
    func segmentsCoverTheCircle() {
        for total in Array(1...70) + [255, 1_000, 4_096] {
            var next: Token = 0
            for index in 0..<total {
                let tokens = ScanSegment(index: index, total: total).tokens
                #expect(tokens.first == next && tokens.first <= tokens.last)
                next = tokens.last &+ 1
            }
            #expect(next == 0, "\(total) segments end at the circle's end")
        }
    }

    @Test("the most segments that the service allows still meet exactly")
    func manySegments() {
        let total = 1_000_000
        var random = SplitMix64(seed: 1)
        for _ in 0..<1_000 {
            let index = Int(random.below(UInt64(total - 1)))
            let one = ScanSegment(index: index, total: total).tokens
            let next = ScanSegment(index: index + 1, total: total).tokens
            #expect(one.last + 1 == next.first)
        }
        #expect(ScanSegment(index: total - 1, total: total).tokens.last == .max)
    }
}
