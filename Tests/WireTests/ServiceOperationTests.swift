import Foundation
import Testing
import Wire

@Suite("The table of operations")
struct ServiceOperationTests {
    @Test("has 62 operations of DynamoDB and 4 of Streams, each once")
    func complete() {
        let names = ServiceOperation.all.map(\.name)
        #expect(names.count == 66 && Set(names).count == 66)
        #expect(ServiceOperation.all.filter { $0.area == "streams" }.count == 4)
    }

    @Test("says of the decoder's operations, and of no others, that they are here")
    func agreesWithDecoder() {
        let here = ServiceOperation.all.filter { $0.support != .none }.map(\.name)
        #expect(Set(here) == Set(OperationName.allCases.map(\.rawValue)))
        #expect(ServiceOperation.all.allSatisfy { ($0.support == .none) == $0.note.isEmpty })
    }

    @Test("is what docs/OPERATIONS.md says; if not: atoll operations --markdown")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appending(path: "docs/OPERATIONS.md"),
            encoding: .utf8
        )
        #expect(page == ServiceOperation.markdown)
    }
}
