import NodeCore
import Primitives
import Testing

@Suite("Streams between nodes: hello and frames") struct FrameTests {
    static let clusterKey: UInt64 = 0x0123_4567_89AB_CDEF
    static let hello = FrameFormat.hello(from: NodeID(258), clusterKey: Self.clusterKey)

    /// What a stream yields, however its bytes arrive.
    struct Reading: Equatable {
        var sender: NodeID?
        var frames: [ReceivedFrame] = []
        var error: FrameError?

        init(_ pieces: [ArraySlice<UInt8>]) {
            var reader = FrameReader(
                ownHello: FrameFormat.hello(from: NodeID(1), clusterKey: FrameTests.clusterKey)
            )
            do throws(FrameError) {
                for piece in pieces {
                    piece.withUnsafeBytes { reader.append($0) }
                    while let frame = try reader.next() { self.frames.append(frame) }
                }
            } catch {
                self.error = error
            }
            self.sender = reader.sender
        }
    }

    /// A hello, and a frame of every kind of message.
    static let stream: [UInt8] = {
        var bytes = Self.hello
        for (index, message) in MessageSamples.all.enumerated() {
            let sentAt = Instant(nanoseconds: UInt64(index) << 40 | 0xFF)
            FrameFormat.append(message, sentAt: sentAt, to: &bytes)
        }
        return bytes
    }()

    @Test("the frames are the messages, with their send times") func readsFrames() throws {
        let reading = Reading([Self.stream[...]])
        #expect(reading.sender == NodeID(258) && reading.error == nil)
        #expect(reading.frames.count == MessageSamples.all.count)
        for (index, frame) in reading.frames.enumerated() {
            #expect(frame.sentAt == Instant(nanoseconds: UInt64(index) << 40 | 0xFF))
            #expect(frame.bytes == CodecTests.encoded(MessageSamples.all[index]))
        }
    }

    @Test("any cut of the stream gives the same frames") func cutsAnywhere() {
        let whole = Reading([Self.stream[...]])
        #expect(Reading(Self.stream.indices.map { Self.stream[$0...$0] }) == whole)
        for index in Self.stream.indices {
            #expect(Reading([Self.stream[..<index], Self.stream[index...]]) == whole)
        }
    }

    @Test("a stream that ends anywhere gives the whole frames before, and no error")
    func endsAnywhere() {
        let whole = Reading([Self.stream[...]])
        var ends: [Int] = []
        var end = Self.hello.count
        for frame in whole.frames {
            end += FrameFormat.headerSize + frame.bytes.count
            ends.append(end)
        }
        for index in Self.stream.indices {
            let reading = Reading([Self.stream[..<index]])
            #expect(reading.error == nil)
            #expect(reading.sender == (index < Self.hello.count ? nil : NodeID(258)))
            #expect(reading.frames == Array(whole.frames[..<ends.count { $0 <= index }]))
        }
    }

    @Test("megabytes in pieces of any size are the same frames") func largeFrames() {
        var bytes = Self.hello
        for index in 0..<6 {
            let request = [UInt8](repeating: UInt8(index), count: 700_000 + index)
            FrameFormat.append(
                .operation(call: UInt64(index), request: request),
                sentAt: .zero,
                to: &bytes
            )
        }
        let whole = Reading([bytes[...]])
        #expect(whole.frames.count == 6 && whole.error == nil)
        for size in [1_000, 65_536, 699_999, 1_500_000] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                bytes[$0..<min($0 + size, bytes.count)]
            }
            #expect(Reading(pieces) == whole)
        }
    }

    @Test("another cluster's hello, or none, is foreign, wherever it differs")
    func foreignHello() {
        for index in 0..<Self.hello.count - 2 {
            var stream = Self.stream
            stream[index] ^= 1
            let reading = Reading([stream[...]])
            #expect(reading.error == .foreign && reading.frames.isEmpty)
            #expect(Reading(stream.indices.map { stream[$0...$0] }) == reading)
        }
    }

    @Test(
        "a length that no frame has is an error at once",
        arguments: [0, 1, 8, UInt32(FrameFormat.frameMax) + 1, .max]
    )
    func badLengths(length: UInt32) {
        var writer = ByteWriter()
        writer.raw(Self.hello)
        writer.u32(length)
        let reading = Reading([writer.bytes[...]])
        #expect(reading.error == .badLength(Int(length)))
        #expect(Reading(writer.bytes.indices.map { writer.bytes[$0...$0] }) == reading)
    }
}
