import CRocksDB
import Tables

/// Runs a RocksDB call that reports through an error pointer, and throws what it reported.
func attempt<Value>(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
) throws(StoreError) -> Value {
    var message: UnsafeMutablePointer<CChar>?
    let value = body(&message)
    guard let message else { return value }
    let text = String(cString: message)
    rocksdb_free(message)
    throw StoreError(rocksText: text)
}

extension StoreError {
    /// Sorts RocksDB's status text, the only form in which its C interface gives a cause.
    init(rocksText text: String) {
        // Disk full, quota used up, file size limit: space that an operator can give back.
        let spaceTexts = ["No space left on device", "Disk quota exceeded", "File too large"]
        if spaceTexts.contains(where: { text.contains($0) }) {
            self = .noSpace(text)
        } else if text.hasPrefix("Corruption") {
            self = .corrupt(text)
        } else {
            self = .io(text)
        }
    }

    /// What a failed system call says, with the file it was about.
    init(errno code: Int32, _ action: String) {
        let text = "\(action): \(errorText(code))"
        self = isSpaceError(code) ? .noSpace(text) : .io(text)
    }
}
