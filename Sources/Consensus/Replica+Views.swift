/// What tests and simulations look at; nothing here changes a replica.
extension Replica {
    /// The term of an entry, or nil when the log does not show it.
    package func term(at index: LogIndex, _ storage: some LogStorage) -> Term? {
        self.log.term(at: index, storage)
    }

    /// The entries from `first` on, none after `last`; fewer, or nil, when the log does not show
    /// them.
    package func entries(
        from first: LogIndex,
        through last: LogIndex,
        _ storage: some LogStorage
    ) -> [Entry]? {
        guard first > self.log.base.index, first <= last, last <= self.log.last.index else {
            return nil
        }
        return self.log.entries(first, through: last, bytesMax: .max, countMax: 4_096, storage)
    }
}
