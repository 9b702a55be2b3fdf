/// One log entry; once its position is committed it never changes (Raft §5.3).
package struct Entry: Equatable, Sendable {
    package enum Kind: UInt8, Sendable {
        /// Opaque to consensus; the owner of the group applies it.
        case command = 0
        /// What a new leader appends, so that earlier terms' entries commit with it (§5.4.2, §8).
        case noop = 1
        /// An encoded ``Configuration``, in force from the moment it is appended (thesis §4.1).
        case configuration = 2
    }

    package var term: Term
    package var index: LogIndex
    package var kind: Kind
    package var payload: [UInt8]

    package init(term: Term, index: LogIndex, kind: Kind, payload: [UInt8]) {
        self.term = term
        self.index = index
        self.kind = kind
        self.payload = payload
    }

    package var position: LogPosition { LogPosition(index: self.index, term: self.term) }

    /// What the entry counts for against byte limits.
    package var size: Int { self.payload.count + ConsensusLimits.entryOverheadBytes }
}
