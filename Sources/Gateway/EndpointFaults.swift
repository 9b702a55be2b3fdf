/// How a region's endpoint misbehaves towards clients; the sum of all endpoint faults in force.
package struct EndpointFaults: Equatable, Sendable {
    /// The region's port is closed; on the shared port its requests end the connection.
    package var refuses: Bool
    /// Connections are accepted and requests are never answered.
    package var swallows: Bool
    /// What to answer instead of asking a node.
    package var answer: ErrorAnswer?
    /// Delay before a request goes on, in nanoseconds.
    package var latency: UInt64

    package init(
        refuses: Bool = false,
        swallows: Bool = false,
        answer: ErrorAnswer? = nil,
        latency: UInt64 = 0
    ) {
        self.refuses = refuses
        self.swallows = swallows
        self.answer = answer
        self.latency = latency
    }

    package static let none = EndpointFaults()
}

/// An error that the gateway answers by itself, as the service would word it.
package struct ErrorAnswer: Equatable, Sendable {
    package var status: Int
    /// With its namespace, as `__type` has it.
    package var type: String
    package var message: String

    package init(status: Int, type: String, message: String) {
        self.status = status
        self.type = type
        self.message = message
    }

    /// The errors that an endpoint can be told to answer: names and what the service says with
    /// them.
    package static let known: [(name: String, answer: ErrorAnswer)] = [
        (
            "InternalServerError",
            ErrorAnswer(
                status: 500,
                type: "com.amazonaws.dynamodb.v20120810#InternalServerError",
                message: "Internal server error"
            )
        ),
        (
            "ServiceUnavailableException",
            ErrorAnswer(
                status: 503,
                type: "com.amazon.coral.service#ServiceUnavailableException",
                message: "Service is temporarily unavailable."
            )
        ),
        (
            "AccessDeniedException",
            ErrorAnswer(
                status: 400,
                type: "com.amazon.coral.service#AccessDeniedException",
                message: "User is not authorized to perform this operation with an explicit deny"
            )
        ),
        (
            "UnrecognizedClientException",
            ErrorAnswer(
                status: 400,
                type: "com.amazon.coral.service#UnrecognizedClientException",
                message: "The security token included in the request is invalid."
            )
        ),
        (
            "ThrottlingException",
            ErrorAnswer(
                status: 400,
                type: "com.amazon.coral.availability#ThrottlingException",
                message: "Rate exceeded"
            )
        ),
        (
            "ProvisionedThroughputExceededException",
            ErrorAnswer(
                status: 400,
                type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                message: "The level of configured provisioned throughput for the table was "
                    + "exceeded. Consider increasing your provisioning level with the "
                    + "UpdateTable API."
            )
        ),
        (
            "RequestLimitExceeded",
            ErrorAnswer(
                status: 400,
                type: "com.amazonaws.dynamodb.v20120810#RequestLimitExceeded",
                message: "Throughput exceeds the current throughput limit for your account."
            )
        ),
    ]

    /// An error by its name, with or without "Exception", or by one of the statuses 500 to 599.
    package static func named(_ text: String) -> ErrorAnswer? {
        if let status = Int(text), (500...599).contains(status) {
            let name = status == 500 ? "InternalServerError" : "ServiceUnavailableException"
            guard var answer = self.named(name) else { return nil }
            answer.status = status
            return answer
        }
        let wanted = text.lowercased()
        return self.known.first {
            let name = $0.name.lowercased()
            return name == wanted || name == wanted + "exception"
        }?.answer
    }

    static func internalError(_ message: String) -> ErrorAnswer {
        ErrorAnswer(
            status: 500,
            type: "com.amazonaws.dynamodb.v20120810#InternalServerError",
            message: message
        )
    }

    static func unavailable(_ message: String) -> ErrorAnswer {
        ErrorAnswer(
            status: 503,
            type: "com.amazon.coral.service#ServiceUnavailableException",
            message: message
        )
    }

    static func unknownRegion(_ region: String, known: [String]) -> ErrorAnswer {
        ErrorAnswer(
            status: 400,
            type: "com.amazon.coral.service#InvalidSignatureException",
            message: "Credential should be scoped to a valid region: '\(region)' is not in this "
                + "cluster, which has \(known.joined(separator: ", "))."
        )
    }

    /// The type without its namespace.
    var name: String { self.type.split(separator: "#").last.map(String.init) ?? self.type }

    /// The JSON body.
    var body: [UInt8] {
        var text = "{\"__type\":\"\(self.type)\",\"message\":\""
        for scalar in self.message.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case let scalar where scalar.value < 0x20: text += " "
            default: text.unicodeScalars.append(scalar)
            }
        }
        return Array((text + "\"}").utf8)
    }
}
