import Expressions
import Testing

@Suite("Reserved words")
struct ReservedWordsTests {
    private func contains(_ word: String) -> Bool {
        bytes(word).withUnsafeBufferPointer { ReservedWords.contains($0) }
    }

    @Test("the list has 573 words, sorted, each once")
    func list() {
        let keys = ReservedWords.keys
        #expect(keys.count == 573)
        #expect(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(
        "words of the list are reserved in any case",
        arguments: [
            "ABORT", "name", "Status", "zone", "FLATTERN", "localtimestamp", "TTL", "by", "SIZE",
            "inouT", "logeD", "timestamp", "value",
        ]
    )
    func reserved(word: String) { #expect(self.contains(word)) }

    @Test(
        "other words are not",
        arguments: [
            "", "a", "id", "names_", "NAME1", "pk", "sk", "payload", "localtimestamps",
            "averyveryverylongattributename", "abor", "zonee", "state\u{0}", "n\u{E4}me",
        ]
    )
    func free(word: String) { #expect(!self.contains(word)) }
}
