/// Builds the requests that the CLI and the supervisor send to nodes and gateways.
package struct HTTPRequestBuilder: Sendable {
    package var method: String
    package var target: String
    package var host: String
    private var headers: [(name: String, value: String)] = []

    package init(method: String, target: String, host: String) {
        self.method = method
        self.target = target
        self.host = host
    }

    /// A DynamoDB request without a signature.
    package static func dynamoDB(_ operation: String, host: String) -> HTTPRequestBuilder {
        var builder = HTTPRequestBuilder(method: "POST", target: "/", host: host)
        builder.setHeader("X-Amz-Target", "DynamoDB_20120810." + operation)
        builder.setHeader("Content-Type", "application/x-amz-json-1.0")
        return builder
    }

    /// A request to a node's control endpoint.
    package static func control(_ method: String, _ target: String, host: String)
        -> HTTPRequestBuilder
    {
        var builder = HTTPRequestBuilder(method: method, target: target, host: host)
        builder.setHeader("x-atoll-control", "1")
        builder.setHeader("Content-Type", "application/json")
        return builder
    }

    /// Adds a header; neither part may hold a control character.
    package mutating func setHeader(_ name: String, _ value: String) {
        precondition(name.utf8.allSatisfy(HTTPSyntax.isToken))
        precondition(value.utf8.allSatisfy(HTTPSyntax.isFieldContent))
        self.headers.append((name, value))
    }

    /// The request's bytes.
    package func bytes(body: [UInt8] = []) -> [UInt8] {
        precondition(self.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        var out: [UInt8] = []
        out.reserveCapacity(256 + body.count)
        out.append(contentsOf: "\(self.method) \(self.target) HTTP/1.1\r\n".utf8)
        out.append(contentsOf: "Host: \(self.host)\r\n".utf8)
        for header in self.headers {
            out.append(contentsOf: "\(header.name): \(header.value)\r\n".utf8)
        }
        out.append(contentsOf: "Content-Length: \(body.count)\r\n\r\n".utf8)
        out.append(contentsOf: body)
        return out
    }
}
