import NodeCore
import Testing
import Wire

@Suite("Operations handed to another node") struct HandedOverTests {
    @Test("the other node reads the same operation, and whether versions are asked for")
    func roundTrip() throws {
        let target = bytes("DynamoDB_20120810.GetItem")
        let body = bytes(#"{"TableName":"tab","Key":{"k":{"S":"v"}}}"#)
        let request = target + body
        for isAsked in [false, true] {
            let packed = HandedOver.encode(
                target: 0..<target.count,
                body: target.count..<request.count,
                tellsVersions: isAsked,
                in: request
            )
            guard case .getItem(let read) = try HandedOver.decode(packed) else {
                Issue.record("another operation")
                continue
            }
            #expect(read.table == "tab" && read.tellsVersions == isAsked)
        }
    }

    @Test("what is no operation is refused, and empty bytes too") func refuses() {
        #expect(throws: ServiceError.self) { try HandedOver.decode(bytes("GetItem\0{}")) }
        #expect(throws: ServiceError.self) { try HandedOver.decode([]) }
    }
}
