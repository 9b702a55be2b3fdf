import Primitives
import Replication
import Testing

@Suite("Inbound cursors")
struct InboundCursorTests {
    let source = RegionID(1)

    @Test("duplicates, overlaps and gaps are told apart")
    func verdicts() {
        var cursors = InboundCursors()
        func verdict(_ previous: UInt64, _ upTo: UInt64) -> InboundCursors.Verdict {
            cursors.verdict(source: self.source, epoch: 5, previous: previous, upTo: upTo)
        }
        #expect(verdict(0, 3) == .inOrder)
        #expect(verdict(1, 3) == .gap(have: 0))
        cursors.advance(source: self.source, epoch: 5, to: 10)
        #expect(verdict(0, 10) == .duplicate)
        #expect(verdict(4, 12) == .inOrder)
        #expect(verdict(11, 12) == .gap(have: 10))
        cursors.advance(source: self.source, epoch: 5, to: 8)
        #expect(cursors.ordinal(source: self.source, epoch: 5) == 10)
    }

    @Test("another epoch is another stream")
    func epochs() {
        var cursors = InboundCursors()
        cursors.advance(source: self.source, epoch: 5, to: 10)
        #expect(
            cursors.verdict(source: self.source, epoch: 6, previous: 10, upTo: 11)
                == .gap(have: 0)
        )
        #expect(cursors.ordinal(source: RegionID(2), epoch: 5) == 0)
    }

    @Test("the oldest epochs of a source are forgotten, other sources' are not")
    func bounded() {
        var cursors = InboundCursors()
        cursors.advance(source: RegionID(0), epoch: 1, to: 1)
        for epoch in 1...UInt64(InboundCursors.epochsMax + 3) {
            cursors.advance(source: self.source, epoch: epoch, to: epoch)
        }
        #expect(cursors.entries.count == InboundCursors.epochsMax + 1)
        #expect(cursors.ordinal(source: RegionID(0), epoch: 1) == 1)
        #expect(cursors.ordinal(source: self.source, epoch: 3) == 0)
        #expect(cursors.ordinal(source: self.source, epoch: 4) == 4)
    }
}
