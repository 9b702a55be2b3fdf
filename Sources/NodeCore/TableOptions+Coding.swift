import DataModel
import Primitives

extension TableOptions {
    func encode(into writer: inout ByteWriter) {
        writer.u8(UInt8(self.locals.count))
        for local in self.locals { local.encode(into: &writer) }
        writer.u8(UInt8(self.globals.count))
        for global in self.globals { global.encode(into: &writer) }
        writer.optional(self.timeToLive) { $1.encode(into: &$0) }
        writer.optional(self.onDemand) { $1.encode(into: &$0) }
        writer.optional(self.warm) { $1.encode(into: &$0) }
        writer.optional(self.encryption) { $1.encode(into: &$0) }
        self.throughputDates.encode(into: &writer)
        writer.tags(self.tags)
        writer.optional(self.policy) { $1.encode(into: &$0) }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init()
        for _ in 0..<(try reader.u8()) { self.locals.append(try IndexDefinition(from: &reader)) }
        for _ in 0..<(try reader.u8()) { self.globals.append(try IndexRecord(decoding: &reader)) }
        self.timeToLive = try reader.bool() ? try TimeToLive(decoding: &reader) : nil
        self.onDemand = try reader.bool() ? try OnDemandThroughput(decoding: &reader) : nil
        self.warm = try reader.bool() ? try WarmThroughput(decoding: &reader) : nil
        self.encryption = try reader.bool() ? try Encryption(decoding: &reader) : nil
        self.throughputDates = try ThroughputDates(decoding: &reader)
        self.tags = try reader.tags()
        self.policy = try reader.bool() ? try ResourcePolicy(decoding: &reader) : nil
    }
}

extension TimeToLive {
    func encode(into writer: inout ByteWriter) {
        writer.block(self.attribute)
        writer.u8(self.status.rawValue)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        let attribute = try reader.block()
        guard let status = Status(rawValue: try reader.u8()) else {
            throw DecodingError(offset: reader.offset)
        }
        self.init(attribute: attribute, status: status)
    }
}

extension ResourcePolicy {
    func encode(into writer: inout ByteWriter) {
        writer.string(self.text)
        writer.u64(self.revision)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init(text: try reader.string(), revision: try reader.u64())
    }
}

extension Encryption {
    func encode(into writer: inout ByteWriter) {
        writer.bool(self.isEnabled)
        writer.optional(self.key) { $0.string($1) }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        let isEnabled = try reader.bool()
        self.init(isEnabled: isEnabled, key: try reader.bool() ? try reader.string() : nil)
    }
}

extension ThroughputDates {
    func encode(into writer: inout ByteWriter) {
        writer.optional(self.increasedAt) { $0.u64($1.nanoseconds) }
        writer.optional(self.decreasedAt) { $0.u64($1.nanoseconds) }
        writer.varint(self.decreases)
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        self.init()
        self.increasedAt = try reader.bool() ? WallTime(nanoseconds: try reader.u64()) : nil
        self.decreasedAt = try reader.bool() ? WallTime(nanoseconds: try reader.u64()) : nil
        self.decreases = try reader.varint()
    }
}

extension ByteWriter {
    fileprivate mutating func tags(_ tags: [Tag]) {
        self.varint(UInt64(tags.count))
        for tag in tags {
            self.string(tag.key)
            self.string(tag.value)
        }
    }
}

extension ByteReader {
    fileprivate mutating func tags() throws(DecodingError) -> [Tag] {
        var tags: [Tag] = []
        for _ in 0..<(try self.count()) {
            tags.append(Tag(key: try self.string(), value: try self.string()))
        }
        return tags
    }
}

extension TableChange {
    func encode(into writer: inout ByteWriter) {
        switch self {
        case .settings(let settings):
            writer.u8(1)
            settings.encode(into: &writer)
        case .global(let global):
            writer.u8(2)
            global.encode(into: &writer)
        case .status(let status):
            writer.u8(3)
            writer.u8(status.rawValue)
        case .addIndex(let index):
            writer.u8(4)
            index.encode(into: &writer)
        case .indexStatus(let name, let status):
            writer.u8(5)
            writer.string(name)
            writer.u8(status.rawValue)
        case .indexThroughput(let name, let throughput, let onDemand, let warm):
            writer.u8(6)
            writer.string(name)
            throughput.encode(into: &writer)
            writer.optional(onDemand) { $1.encode(into: &$0) }
            writer.optional(warm) { $1.encode(into: &$0) }
        case .dropIndex(let name):
            writer.u8(7)
            writer.string(name)
        case .timeToLive(let timeToLive):
            writer.u8(8)
            writer.optional(timeToLive) { $1.encode(into: &$0) }
        case .onDemand(let onDemand):
            writer.u8(9)
            writer.optional(onDemand) { $1.encode(into: &$0) }
        case .warm(let warm):
            writer.u8(10)
            writer.optional(warm) { $1.encode(into: &$0) }
        case .encryption(let encryption):
            writer.u8(11)
            writer.optional(encryption) { $1.encode(into: &$0) }
        case .throughputDates(let dates):
            writer.u8(12)
            dates.encode(into: &writer)
        case .tags(let tags):
            writer.u8(13)
            writer.tags(tags)
        case .policy(let policy):
            writer.u8(14)
            writer.optional(policy) { $1.encode(into: &$0) }
        }
    }

    init(decoding reader: inout ByteReader) throws(DecodingError) {
        switch try reader.u8() {
        case 1: self = .settings(try TableSettings(decoding: &reader))
        case 2: self = .global(try GlobalState(decoding: &reader))
        case 3: self = .status(try reader.choice(TableStatus.init(rawValue:)))
        case 4: self = .addIndex(try IndexRecord(decoding: &reader))
        case 5:
            let name = try reader.string()
            self = .indexStatus(name, try reader.choice(IndexStatus.init(rawValue:)))
        case 6:
            self = .indexThroughput(
                try reader.string(),
                try ProvisionedThroughput(decoding: &reader),
                try reader.bool() ? try OnDemandThroughput(decoding: &reader) : nil,
                try reader.bool() ? try WarmThroughput(decoding: &reader) : nil
            )
        case 7: self = .dropIndex(try reader.string())
        case 8: self = .timeToLive(try reader.bool() ? try TimeToLive(decoding: &reader) : nil)
        case 9:
            self = .onDemand(try reader.bool() ? try OnDemandThroughput(decoding: &reader) : nil)
        case 10: self = .warm(try reader.bool() ? try WarmThroughput(decoding: &reader) : nil)
        case 11: self = .encryption(try reader.bool() ? try Encryption(decoding: &reader) : nil)
        case 12: self = .throughputDates(try ThroughputDates(decoding: &reader))
        case 13: self = .tags(try reader.tags())
        case 14: self = .policy(try reader.bool() ? try ResourcePolicy(decoding: &reader) : nil)
        default: throw DecodingError(offset: reader.offset)
        }
    }
}

extension ByteReader {
    /// One byte that names a case.
    fileprivate mutating func choice<Choice>(
        _ make: (UInt8) -> Choice?
    ) throws(DecodingError) -> Choice {
        guard let choice = make(try self.u8()) else { throw DecodingError(offset: self.offset) }
        return choice
    }
}
