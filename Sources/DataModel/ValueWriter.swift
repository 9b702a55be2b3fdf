/// Why a value that is being written cannot exist.
package enum ValueError: Error, Hashable, Sendable {
    /// Two entries of one map or item have this name.
    case duplicateName([UInt8])
    /// Two members of one set are equal; the bytes are those of a string or binary, or a packed
    /// number.
    case duplicateMember([UInt8])
    case emptySet(AttributeType)
    /// More than 32 lists and maps inside each other.
    case nestedTooDeep
}

/// Writes packed values front to back, as a reader of JSON meets them.
///
/// Containers are opened, filled and closed. Their byte length and count are filled in when they
/// close: two bytes are left free for them, and only a container of more than 127 bytes moves its
/// content once. Map entries and set members that did not arrive in canonical order are sorted when
/// their container closes. One writer can write many values, one after another.
///
/// Calls in a wrong order, such as a value in a map without a name, are broken invariants and trap.
package struct ValueWriter: Sendable {
    private enum Content: Equatable {
        case item
        case list
        case map
        case set(AttributeType)
    }

    private struct Frame {
        let content: Content
        /// Where the first member begins; the length and count lie before it.
        let contentStart: Int
        /// The first of this container's members in `starts`.
        let firstStart: Int
        var count = 0
        var isSorted = true
        var hasName = false
    }

    private var bytes: [UInt8] = []
    private var frames: [Frame] = []
    /// Where each entry or member of the open maps and sets begins.
    private var starts: [Int] = []

    package init(reserving capacity: Int = 0) {
        if capacity > 0 { self.bytes.reserveCapacity(capacity) }
    }

    // MARK: Scalars

    package mutating func null() {
        self.willAppendValue()
        self.bytes.append(PackedTag.null)
    }

    package mutating func bool(_ value: Bool) {
        self.willAppendValue()
        self.bytes.append(value ? PackedTag.isTrue : PackedTag.isFalse)
    }

    package mutating func number(_ value: DecimalNumber) {
        self.willAppendValue()
        self.bytes.append(PackedTag.number)
        self.bytes.append(UInt8(value.packedCount))
        value.appendPacked(to: &self.bytes)
    }

    /// Appends a string's UTF-8, which the caller has checked.
    package mutating func string(_ value: UnsafeRawBufferPointer) {
        self.willAppendValue()
        self.bytes.append(PackedTag.of(.string))
        self.block(value)
    }

    package mutating func string(_ value: [UInt8]) { value.withUnsafeBytes { self.string($0) } }

    package mutating func binary(_ value: UnsafeRawBufferPointer) {
        self.willAppendValue()
        self.bytes.append(PackedTag.of(.binary))
        self.block(value)
    }

    package mutating func binary(_ value: [UInt8]) { value.withUnsafeBytes { self.binary($0) } }

    /// Appends a copy of a packed value; the caller answers for the nesting depth.
    package mutating func value(_ value: PackedValue) {
        self.willAppendValue()
        self.bytes.append(contentsOf: value.bytes[value.range])
    }

    // MARK: Containers

    package mutating func beginItem() {
        precondition(self.frames.isEmpty && self.bytes.isEmpty)
        self.open(.item)
    }

    package mutating func beginList() throws(ValueError) {
        try self.checkDepth()
        self.open(.list)
    }

    package mutating func beginMap() throws(ValueError) {
        try self.checkDepth()
        self.open(.map)
    }

    package mutating func beginSet(_ type: AttributeType) {
        precondition(type.isSet)
        self.open(.set(type))
    }

    /// Begins the next entry of a map or item; its value must follow.
    package mutating func name(_ name: UnsafeRawBufferPointer) {
        let top = self.frames.count - 1
        let frame = self.frames[top]
        precondition(frame.content == .map || frame.content == .item)
        precondition(!frame.hasName)
        self.frames[top].hasName = true
        self.beginMember(name)
    }

    package mutating func name(_ name: [UInt8]) { name.withUnsafeBytes { self.name($0) } }

    /// Appends a member to a string set or binary set.
    package mutating func member(_ member: UnsafeRawBufferPointer) {
        let content = self.frames[self.frames.count - 1].content
        precondition(content == .set(.stringSet) || content == .set(.binarySet))
        self.beginMember(member)
    }

    package mutating func member(_ member: [UInt8]) { member.withUnsafeBytes { self.member($0) } }

    /// Appends a member to a number set.
    package mutating func member(_ member: DecimalNumber) {
        precondition(self.frames[self.frames.count - 1].content == .set(.numberSet))
        member.packed.withUnsafeBytes { self.beginMember($0) }
    }

    package mutating func endList() {
        precondition(self.frames[self.frames.count - 1].content == .list)
        if let error = self.close() { preconditionFailure("a list cannot be wrong: \(error)") }
    }

    package mutating func endMap() throws(ValueError) {
        precondition(self.frames[self.frames.count - 1].content == .map)
        if let error = self.close() { throw error }
    }

    package mutating func endSet() throws(ValueError) {
        guard case .set = self.frames[self.frames.count - 1].content else {
            preconditionFailure("no open set")
        }
        if let error = self.close() { throw error }
    }

    /// Closes the item and takes it; the writer is empty again.
    package mutating func endItem() throws(ValueError) -> Item {
        precondition(self.frames.count == 1 && self.frames[0].content == .item)
        if let error = self.close() { throw error }
        defer { self.reset() }
        return Item(trusted: self.bytes)
    }

    /// Takes the one value written; the writer is empty again.
    package mutating func finishValue() -> PackedValue {
        precondition(self.frames.isEmpty && !self.bytes.isEmpty)
        defer { self.reset() }
        return PackedValue(self.bytes, 0..<self.bytes.count)
    }

    /// Forgets all that was written, for instance after an error.
    package mutating func reset() {
        self.bytes = []
        self.frames.removeAll(keepingCapacity: true)
        self.starts.removeAll(keepingCapacity: true)
    }

    // MARK: Trees

    /// Appends a value in tree form; sets are sorted and freed of duplicates.
    ///
    /// A set must have members, and the caller answers for the nesting depth.
    package mutating func append(_ value: AttributeValue) {
        switch value {
        case .null: self.null()
        case .bool(let value): self.bool(value)
        case .number(let value): self.number(value)
        case .string(let value): self.string(value)
        case .binary(let value): self.binary(value)
        case .list(let elements):
            self.open(.list)
            for element in elements { self.append(element) }
            self.closeTree()
        case .map(let map):
            self.open(.map)
            self.append(entriesOf: map)
            self.closeTree()
        case .stringSet(let members):
            self.open(.set(.stringSet))
            for member in AttributeValue.canonical(members) { self.member(member) }
            self.closeTree()
        case .binarySet(let members):
            self.open(.set(.binarySet))
            for member in AttributeValue.canonical(members) { self.member(member) }
            self.closeTree()
        case .numberSet(let members):
            self.open(.set(.numberSet))
            for member in AttributeValue.canonical(members) { self.member(member) }
            self.closeTree()
        }
    }

    /// Appends all entries of a map in tree form to the open map or item.
    package mutating func append(entriesOf map: AttributeMap) {
        for entry in map.entries {
            self.name(entry.name)
            self.append(entry.value)
        }
    }

    private mutating func closeTree() {
        if let error = self.close() { preconditionFailure("a tree cannot be packed: \(error)") }
    }

    // MARK: Layout

    private mutating func willAppendValue() {
        let top = self.frames.count - 1
        guard top >= 0 else { return precondition(self.bytes.isEmpty) }
        switch self.frames[top].content {
        case .list: self.frames[top].count += 1
        case .map, .item:
            precondition(self.frames[top].hasName)
            self.frames[top].hasName = false
        case .set: preconditionFailure("a set's members are not values")
        }
    }

    private func checkDepth() throws(ValueError) {
        let open = self.frames.count - (self.frames.first?.content == .item ? 1 : 0)
        guard open < ItemLimits.nestingMax else { throw .nestedTooDeep }
    }

    private mutating func open(_ content: Content) {
        switch content {
        case .item: self.bytes.append(0)
        case .list: self.openValue(PackedTag.list)
        case .map: self.openValue(PackedTag.map)
        case .set(let type): self.openValue(PackedTag.of(type))
        }
        self.frames.append(
            Frame(
                content: content,
                contentStart: self.bytes.count,
                firstStart: self.starts.count
            )
        )
    }

    private mutating func openValue(_ tag: UInt8) {
        self.willAppendValue()
        self.bytes.append(tag)
        self.bytes.append(0)
        self.bytes.append(0)
    }

    private mutating func block(_ value: UnsafeRawBufferPointer) {
        Varint.append(value.count, to: &self.bytes)
        self.bytes.append(contentsOf: value)
    }

    /// Appends a name or set member and notes whether it follows the one before it.
    private mutating func beginMember(_ key: UnsafeRawBufferPointer) {
        let top = self.frames.count - 1
        if self.frames[top].isSorted, self.frames[top].count > 0 {
            let previous = self.starts[self.starts.count - 1]
            let order = self.bytes.withUnsafeBytes { buffer in
                var cursor = PackedCursor(buffer, at: previous)
                return ByteOrder.compare(cursor.slice(cursor.block()), key)
            }
            self.frames[top].isSorted = order == .less
        }
        self.frames[top].count += 1
        self.starts.append(self.bytes.count)
        self.block(key)
    }

    /// Sorts the top container's members if need be, fills in its length and count, and removes it.
    private mutating func close() -> ValueError? {
        guard let frame = self.frames.popLast() else { preconditionFailure("nothing is open") }
        precondition(!frame.hasName)
        if case .set(let type) = frame.content, frame.count == 0 { return .emptySet(type) }
        if !frame.isSorted, let error = self.sortMembers(frame) { return error }
        self.starts.removeLast(self.starts.count - frame.firstStart)
        self.fillHeader(frame)
        return nil
    }

    private mutating func fillHeader(_ frame: Frame) {
        let reserved = frame.content == .item ? 1 : 2
        let contentCount = self.bytes.count - frame.contentStart
        let byteLength = Varint.size(frame.count) + contentCount
        var header = InlineArray<10, UInt8>(repeating: 0)
        var headerCount = 0
        if frame.content != .item { Self.encode(byteLength, &header, &headerCount) }
        Self.encode(frame.count, &header, &headerCount)

        let extra = headerCount - reserved
        if extra > 0 {
            for _ in 0..<extra { self.bytes.append(0) }
            self.bytes.withUnsafeMutableBytes { buffer in
                let content = buffer.baseAddress! + frame.contentStart
                (content + extra).copyMemory(from: content, byteCount: contentCount)
            }
        }
        let headerStart = frame.contentStart - reserved
        for index in 0..<headerCount { self.bytes[headerStart + index] = header[index] }
    }

    private static func encode(
        _ value: Int,
        _ header: inout InlineArray<10, UInt8>,
        _ count: inout Int
    ) {
        var rest = value
        while rest >= 0x80 {
            header[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        header[count] = UInt8(rest)
        count += 1
    }

    // MARK: Sorting

    /// One member of the container being sorted: its bytes and, within them, its key.
    private struct Member {
        let range: Range<Int>
        let key: Range<Int>
    }

    private mutating func sortMembers(_ frame: Frame) -> ValueError? {
        let (sorted, duplicate) = self.bytes.withUnsafeBytes { buffer -> ([UInt8], Range<Int>?) in
            var members = self.members(of: frame, buffer)
            members.sort { lhs, rhs in
                ByteOrder.compare(
                    UnsafeRawBufferPointer(rebasing: buffer[lhs.key]),
                    UnsafeRawBufferPointer(rebasing: buffer[rhs.key])
                ) == .less
            }
            var sorted: [UInt8] = []
            sorted.reserveCapacity(buffer.count - frame.contentStart)
            var last: Range<Int>?
            for member in members {
                let key = UnsafeRawBufferPointer(rebasing: buffer[member.key])
                if let last,
                    ByteOrder.areEqual(UnsafeRawBufferPointer(rebasing: buffer[last]), key)
                {
                    return ([], member.key)
                }
                last = member.key
                sorted.append(contentsOf: buffer[member.range])
            }
            return (sorted, nil)
        }
        if let duplicate {
            let key = Array(self.bytes[duplicate])
            if case .set = frame.content { return .duplicateMember(key) }
            return .duplicateName(key)
        }
        self.bytes.replaceSubrange(frame.contentStart..., with: sorted)
        return nil
    }

    private func members(of frame: Frame, _ buffer: UnsafeRawBufferPointer) -> [Member] {
        var members: [Member] = []
        members.reserveCapacity(frame.count)
        for index in frame.firstStart..<self.starts.count {
            let start = self.starts[index]
            let end = index + 1 < self.starts.count ? self.starts[index + 1] : buffer.count
            var cursor = PackedCursor(buffer, at: start)
            members.append(Member(range: start..<end, key: cursor.block()))
        }
        return members
    }
}
