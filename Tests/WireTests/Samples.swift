import DataModel
import NodeCore
import Primitives
import Testing
import Wire

/// The UTF-8 of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// An input and what is expected of it, as one line of a table.
struct Example<Outcome: Sendable>: Sendable, CustomTestStringConvertible {
    var text: String
    var outcome: Outcome

    init(_ text: String, _ outcome: Outcome) {
        self.text = text
        self.outcome = outcome
    }

    var testDescription: String { String(self.text.debugDescription.prefix(90)) }
}

/// Cuts an input into the pieces that a stream may deliver.
enum Cut: Sendable {
    case whole
    case everyByte
    case at(Int)
    /// Pieces of 1…`max` bytes.
    case random(SplitMix64, max: Int)

    func pieces(of input: [UInt8]) -> [[UInt8]] {
        switch self {
        case .whole: return [input]
        case .everyByte: return input.map { [$0] }
        case .at(let index): return [Array(input[..<index]), Array(input[index...])]
        case .random(var random, let max):
            var pieces: [[UInt8]] = []
            var start = 0
            while start < input.count {
                let end = min(input.count, start + 1 + Int(random.below(UInt64(max))))
                pieces.append(Array(input[start..<end]))
                start = end
            }
            return pieces
        }
    }
}

/// A request's parts, copied out of the parser.
struct RequestFacts: Equatable, Sendable {
    var method: HTTPMethod
    var target: String
    var path: String
    var query: String
    var keepsAlive: Bool
    var body: String
    var operation: String
    var region: String
    var accessKey: String
    var contentType: String
    var host: String
    var isControl: Bool

    init(_ request: HTTPRequest, _ bytes: [UInt8]) {
        self.method = request.method
        self.target = text(bytes[request.target])
        self.path = text(bytes[request.path])
        self.query = text(bytes[request.query])
        self.keepsAlive = request.keepsAlive
        self.body = text(bytes[request.body])
        self.operation = text(bytes[request.operation])
        self.region = text(bytes[request.credentialRegion])
        self.accessKey = text(bytes[request.accessKey])
        self.contentType = text(bytes[request.contentType])
        self.host = text(bytes[request.host])
        self.isControl = request.isControl
    }
}

/// All that a stream of requests yields: the requests, then the error if one ended it.
struct RequestStream: Equatable, Sendable {
    var requests: [RequestFacts] = []
    var error: HTTPError?

    init(_ input: [UInt8], _ cut: Cut, limits: HTTPLimits = HTTPLimits()) {
        var parser = RequestParser(limits: limits)
        do throws(HTTPError) {
            for piece in cut.pieces(of: input) {
                parser.append(piece)
                while let request = try parser.next() {
                    self.requests.append(RequestFacts(request, parser.bytes))
                }
            }
        } catch {
            self.error = error
        }
    }

    init(_ input: String, _ cut: Cut = .whole) { self.init(Array(input.utf8), cut) }
}

/// Changes a few bytes of an input: replaces, removes, doubles, or inserts what parsers trip over.
func mutated(_ input: [UInt8], _ random: inout SplitMix64, hazards: [[UInt8]]) -> [UInt8] {
    var input = input
    for _ in 0..<1 + random.below(4) {
        let index = Int(random.below(UInt64(input.count + 1)))
        switch random.below(5) {
        case 0 where index < input.count:
            input[index] = UInt8(truncatingIfNeeded: random.next())
        case 1 where index < input.count: input.remove(at: index)
        case 2:
            let end = min(input.count, index + Int(random.below(20)))
            input.insert(contentsOf: input[index..<end], at: index)
        case 3 where index < input.count:
            input.removeSubrange(index..<min(input.count, index + Int(random.below(30))))
        default:
            let hazard = hazards[Int(random.below(UInt64(hazards.count)))]
            input.insert(contentsOf: hazard, at: index)
        }
    }
    return input
}

/// How many inputs a fuzz test tries: all of them when optimised, a tenth in a debug build.
func fuzzCount(_ count: Int) -> Int {
    var isDebug = false
    assert(
        {
            isDebug = true
            return true
        }()
    )
    return isDebug ? count / 10 : count
}

/// Decodes a request of an operation.
func decode(_ name: OperationName, _ json: String) throws(ServiceError) -> NodeCore.Operation {
    let body = bytes(json)
    return try OperationDecoder.decode(name, body: 0..<body.count, in: body)
}

/// The error that decoding a request yields.
func fault(_ name: OperationName, _ json: String) -> ServiceError? {
    do throws(ServiceError) {
        _ = try decode(name, json)
        return nil
    } catch {
        return error
    }
}
