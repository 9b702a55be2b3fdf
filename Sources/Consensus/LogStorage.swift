/// The durable log of one group, as far as the host has committed it.
///
/// A replica asks only for entries that it has handed out in an earlier turn and no longer holds in
/// memory; what the host has not committed yet need not be visible.
package protocol LogStorage {
    /// The entries from `from` on, none after `through`; nil when the first is not there.
    ///
    /// Contiguous, at least one, and no more once their payloads reach `bytesMax`.
    func entries(_ from: LogIndex, through: LogIndex, bytesMax: Int) -> [Entry]?
    /// The term of one entry, or nil when it is not there.
    func term(at index: LogIndex) -> Term?
}
