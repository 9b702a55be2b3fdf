import DataModel
import Primitives
import Tables
import Testing

@Suite("Pages")
struct PagingTests {
    /// Ten items of one partition key and some of others.
    static func filled() throws -> Rig {
        var rig = Rig()
        for sort in 0..<10 { _ = try rig.evaluate(Rig.put("a", sort, sort)) }
        for name in ["b", "c", "d"] { _ = try rig.evaluate(Rig.put(name, 1, 1)) }
        try rig.settle()
        return rig
    }

    static func query(_ sort: SortKeyBounds = .all) throws -> RangeRead {
        RangeRead(
            bounds: try KeyBounds(Rig.schema, partition: .string(Array("a".utf8)), sort: sort)
        )
    }

    func sorts(_ page: Page) -> [Int] { page.items.compactMap { $0[[0x73]]?.number?.int } }

    @Test("a query returns one partition key's items in the order of the sort key, either way")
    func order() throws {
        let rig = try Self.filled()
        var read = try Self.query(.between(.number(DecimalNumber(2)), .number(DecimalNumber(6))))
        #expect(self.sorts(try rig.partition.page(read, rig.store)) == [2, 3, 4, 5, 6])
        read.reverse = true
        #expect(self.sorts(try rig.partition.page(read, rig.store)) == [6, 5, 4, 3, 2])
    }

    @Test("pages of any limit, either way, join to the whole", arguments: 1...11)
    func limits(limit: Int) throws {
        let rig = try Self.filled()
        for reverse in [false, true] {
            var read = try Self.query()
            read.reverse = reverse
            read.itemsMax = limit
            var found: [Int] = []
            while true {
                let page = try rig.partition.page(read, rig.store)
                found += self.sorts(page)
                #expect(page.items.count <= limit && (page.last == nil) == (page.end == .exhausted))
                guard let last = page.last else { break }
                read.after = last
            }
            #expect(found == (reverse ? Array((0..<10).reversed()) : Array(0..<10)))
        }
    }

    @Test("a page ends with the item that reaches the limit in bytes, to the byte")
    func bytes() throws {
        let rig = try Self.filled()
        let size = Rig.item("a", 1, 1).size
        var read = try Self.query(.greaterOrEqual(.number(DecimalNumber(1))))
        read.bytesMax = 3 * size
        #expect(self.sorts(try rig.partition.page(read, rig.store)) == [1, 2, 3])
        read.bytesMax = 3 * size + 1
        let page = try rig.partition.page(read, rig.store)
        #expect(self.sorts(page) == [1, 2, 3, 4] && page.end == .limit)
        #expect(page.scannedBytes == 4 * size && page.last == Rig.key("a", 4))
    }

    @Test("limits count items before the filter")
    func filter() throws {
        let rig = try Self.filled()
        var read = try Self.query()
        read.filter = try Rig.condition("v > :v", 3)
        read.itemsMax = 6
        var page = try rig.partition.page(read, rig.store)
        #expect(self.sorts(page) == [4, 5] && page.scannedCount == 6 && page.end == .limit)
        read.countsOnly = true
        page = try rig.partition.page(read, rig.store)
        #expect(page.items.isEmpty && page.count == 2)
    }

    @Test("a slice of tombstones is bounded work and says where to go on")
    func slices() throws {
        var rig = try Self.filled()
        for sort in 0..<9 { _ = try rig.evaluate(Rig.delete("a", sort)) }
        try rig.settle()
        var read = try Self.query()
        read.recordsMax = 4
        var calls = 0
        var found: [Int] = []
        while true {
            let page = try rig.partition.page(read, rig.store)
            calls += 1
            found += self.sorts(page)
            guard let last = page.last else { break }
            #expect(page.end == .slice)
            read.after = last
        }
        #expect(found == [9] && calls == 3)
    }

    @Test("segments of tokens together hold each item once")
    func segments() throws {
        let rig = try Self.filled()
        let quarter = Token.max / 4 + 1
        var found: [Item] = []
        for segment in 0..<4 as Range<UInt64> {
            let first = segment * quarter
            let read = RangeRead(tokens: first...(first + (quarter - 1)))
            found += try rig.partition.page(read, rig.store).items
        }
        let whole = try rig.partition.page(RangeRead(tokens: 0...Token.max), rig.store)
        #expect(found == whole.items && found.count == 13)
    }

    @Test("a start key outside the range yields the range, or nothing")
    func startOutside() throws {
        let rig = try Self.filled()
        var read = try Self.query(.greaterOrEqual(.number(DecimalNumber(5))))
        read.after = Rig.key("a", 2)
        #expect(self.sorts(try rig.partition.page(read, rig.store)) == [5, 6, 7, 8, 9])
        read.reverse = true
        #expect(try rig.partition.page(read, rig.store).items.isEmpty)
    }
}
