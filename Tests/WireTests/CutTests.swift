import NodeCore
import Testing
import Wire

@Suite("Bodies cut anywhere") struct CutTests {
    /// What the JSON of an item can hold, with escapes and characters of two to four bytes.
    private static let item =
        #"{"k":{"S":"a\u00e9\n\ud83d\ude00\"é\#u{1F600}"},"n":{"N":"-12.5e-3"},"#
        + #""b":{"B":"AAEC/w=="},"t":{"BOOL":true},"f":{"BOOL":false},"o":{"NULL":true},"#
        + #""ss":{"SS":["x","ü"]},"#
        + #""ns":{"NS":["1","2.0"]},"bs":{"BS":["AQ==","Ag=="]},"#
        + #""m":{"M":{"l":{"L":[{"S":""},{"M":{}},{"L":[]}]}}}}"#
    private static let key = #"{"k":{"S":"a\u00e9"},"r":{"N":"1e2"}}"#
    private static let bound =
        ##""ExpressionAttributeNames":{"#n":"naïve"},"ExpressionAttributeValues":{":v":{"L":"##
        + ##"[{"N":"1"},{"SS":["a","b"]}]}}"##

    /// A request of every operation on items.
    static let requests: [(name: OperationName, body: String)] = [
        (.getItem, #"{"TableName":"tab","Key":\#(key),"ConsistentRead":true}"#),
        (
            .putItem,
            #"{"TableName":"tab","Item":\#(item),"ConditionExpression":"#
                + ##""#n = :v",\##(bound),"ReturnValues":"ALL_OLD","Extra":[{},[1.5e3,null]]}"##
        ),
        (
            .updateItem,
            #"{"TableName":"tab","Key":\#(key),"UpdateExpression":"#
                + ##""SET #n = :v",\##(bound),"ReturnValues":"UPDATED_NEW"}"##
        ),
        (.deleteItem, #"{ "TableName" : "tab" , "Key" : \#(key) }"#),
        (
            .query,
            #"{"TableName":"tab","KeyConditionExpression":"#
                + ##""#n = :v",\##(bound),"Limit":10,"ScanIndexForward":false,"##
                + #""ExclusiveStartKey":\#(key),"Select":"COUNT"}"#
        ),
        (.scan, #"{"TableName":"tab","Segment":0,"TotalSegments":4,"ConsistentRead":false}"#),
        (
            .batchGetItem,
            #"{"RequestItems":{"tab":{"Keys":[\#(key)],"ConsistentRead":true}},"#
                + #""ReturnConsumedCapacity":"TOTAL"}"#
        ),
        (
            .batchWriteItem,
            #"{"RequestItems":{"tab":[{"PutRequest":{"Item":\#(item)}},"#
                + #"{"DeleteRequest":{"Key":\#(key)}}]}}"#
        ),
    ]

    @Test("of a request every part is no JSON, the whole is an operation", arguments: requests)
    func decoded(name: OperationName, body: String) throws {
        let whole = bytes(body)
        _ = try OperationDecoder.decode(name, body: 0..<whole.count, in: whole)
        for end in whole.indices {
            // Behind the cut lies the rest, which must not be looked at.
            let error = #expect(throws: ServiceError.self) {
                try OperationDecoder.decode(name, body: 0..<end, in: whole)
            }
            #expect(error?.kind == .serialization, "cut at \(end): \(error?.message ?? "")")
        }
    }

    @Test("of a request that is handed over, too", arguments: requests)
    func handedOver(name: OperationName, body: String) throws {
        let target = bytes(OperationName.targetPrefix + name.rawValue)
        let input = target + bytes(body)
        let packed = HandedOver.encode(
            target: 0..<target.count,
            body: target.count..<input.count,
            tellsVersions: true,
            in: input
        )
        _ = try HandedOver.decode(packed)
        for end in packed.indices {
            #expect(throws: ServiceError.self) { try HandedOver.decode(Array(packed[..<end])) }
        }
    }

    @Test("of a tree, too", arguments: requests)
    func trees(name: OperationName, body: String) throws {
        let whole = bytes(body)
        _ = try JSONValue(parsing: whole)
        for end in whole.indices {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(whole[..<end])) }
        }
    }

    @Test("a body in chunks of any sizes is the same body, however they arrive") func chunks() {
        let body = bytes(#"{"TableName":"tab","Key":{"k":{"S":"é"}}}"#)
        var chunkings = body.indices.map { [body[..<$0], body[$0...]] }
        chunkings.append(body.indices.map { body[$0...$0] })
        for chunks in chunkings {
            var input = bytes("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for chunk in chunks where !chunk.isEmpty {
                input += bytes(String(chunk.count, radix: 16) + "\r\n") + chunk + bytes("\r\n")
            }
            input += bytes("0\r\n\r\n")
            let whole = RequestStream(input, .whole)
            #expect(whole.requests.map(\.body) == [text(body)] && whole.error == nil)
            #expect(RequestStream(input, .everyByte) == whole)
            for index in input.indices { #expect(RequestStream(input, .at(index)) == whole) }
            for end in input.indices {
                let cut = RequestStream(Array(input[..<end]), .whole)
                #expect(cut.requests.isEmpty && cut.error == nil)
            }
        }
    }

    @Test("a control byte in a header is refused wherever it stands") func headerBytes() {
        let value = "abcdefghijklmnopqrstuvwxyz"
        for byte in UInt8.min...UInt8.max where byte != 0x0A {
            for place in 0..<value.utf8.count {
                var line = bytes(value)
                line[place] = byte
                let input = bytes("GET / HTTP/1.1\r\nHost: h\r\nX: ") + line + bytes("\r\n\r\n")
                let isGood = byte >= 0x20 && byte != 0x7F || byte == 0x09
                let stream = RequestStream(input, .whole)
                #expect((stream.error == nil) == isGood, "\(byte) at \(place)")
            }
        }
    }
}
