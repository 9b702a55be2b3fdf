package import DataModel

/// An error as clients see it: DynamoDB's name for it and a message.
package struct ServiceError: Error, Equatable, Sendable {
    /// The errors that this version answers with, by DynamoDB's names.
    package enum Kind: UInt8, Equatable, Sendable, CaseIterable {
        case validation
        case resourceNotFound
        case resourceInUse
        case conditionalCheckFailed
        case serialization
        case unknownOperation
        case internalServer
        case provisionedThroughputExceeded
        case limitExceeded
        case throttling
        case requestLimitExceeded
        case itemCollectionSizeLimitExceeded
        case policyNotFound
        case transactionConflict
        case replicatedWriteConflict
        case accessDenied
        case unrecognizedClient
        case missingAuthenticationToken
        case incompleteSignature
        case serviceUnavailable
    }

    package var kind: Kind
    package var message: String
    /// The stored item, when a condition failed and the request asked for it.
    package var item: Item?
    /// What a condition saw, when the request asked for it.
    package var note: VersionNote?

    package init(_ kind: Kind, _ message: String, item: Item? = nil) {
        self.kind = kind
        self.message = message
        self.item = item
    }
}

extension ServiceError.Kind {
    /// The value of `__type`: the name of the shape with its namespace.
    package var typeName: String {
        switch self {
        case .validation: "com.amazon.coral.validate#ValidationException"
        case .serialization: "com.amazon.coral.service#SerializationException"
        case .unknownOperation: "com.amazon.coral.service#UnknownOperationException"
        case .accessDenied: "com.amazon.coral.service#AccessDeniedException"
        case .unrecognizedClient: "com.amazon.coral.service#UnrecognizedClientException"
        case .missingAuthenticationToken:
            "com.amazon.coral.service#MissingAuthenticationTokenException"
        case .incompleteSignature: "com.amazon.coral.service#IncompleteSignatureException"
        case .serviceUnavailable: "com.amazon.coral.service#ServiceUnavailableException"
        case .throttling: "com.amazon.coral.availability#ThrottlingException"
        case .resourceNotFound: Self.modelled("ResourceNotFoundException")
        case .resourceInUse: Self.modelled("ResourceInUseException")
        case .conditionalCheckFailed: Self.modelled("ConditionalCheckFailedException")
        case .internalServer: Self.modelled("InternalServerError")
        case .provisionedThroughputExceeded:
            Self.modelled("ProvisionedThroughputExceededException")
        case .limitExceeded: Self.modelled("LimitExceededException")
        case .requestLimitExceeded: Self.modelled("RequestLimitExceeded")
        case .itemCollectionSizeLimitExceeded:
            Self.modelled("ItemCollectionSizeLimitExceededException")
        case .transactionConflict: Self.modelled("TransactionConflictException")
        case .policyNotFound: Self.modelled("PolicyNotFoundException")
        case .replicatedWriteConflict: Self.modelled("ReplicatedWriteConflictException")
        }
    }

    /// The HTTP status that goes with it.
    package var status: Int {
        switch self {
        case .internalServer: 500
        case .serviceUnavailable: 503
        case .replicatedWriteConflict: 409
        case .validation, .resourceNotFound, .resourceInUse, .conditionalCheckFailed,
            .serialization, .unknownOperation, .provisionedThroughputExceeded, .limitExceeded,
            .throttling, .requestLimitExceeded, .itemCollectionSizeLimitExceeded,
            .policyNotFound, .transactionConflict, .accessDenied, .unrecognizedClient,
            .missingAuthenticationToken,
            .incompleteSignature:
            400
        }
    }

    /// Whether the body says `Message`: the errors of the service's front end do.
    package var spellsMessageWithCapital: Bool {
        switch self {
        case .serialization, .unknownOperation, .accessDenied, .unrecognizedClient,
            .missingAuthenticationToken, .incompleteSignature:
            true
        case .validation, .resourceNotFound, .resourceInUse, .conditionalCheckFailed,
            .internalServer, .provisionedThroughputExceeded, .limitExceeded, .throttling,
            .requestLimitExceeded, .itemCollectionSizeLimitExceeded, .transactionConflict,
            .replicatedWriteConflict, .serviceUnavailable, .policyNotFound:
            false
        }
    }

    private static func modelled(_ name: String) -> String {
        "com.amazonaws.dynamodb.v20120810#" + name
    }
}

extension ServiceError {
    package static func validation(_ message: String) -> ServiceError {
        ServiceError(.validation, message)
    }

    /// What the front end for single writes puts before what it refuses, see ``counted(_:)``.
    package static let countedPrefix = "1 validation error detected: "

    /// A refusal of PutItem, UpdateItem or DeleteItem that rests on the request alone.
    package static func counted(_ message: String) -> ServiceError {
        ServiceError(.validation, self.countedPrefix + message)
    }

    /// What every operation on items of an unknown table answers.
    package static let requestedResourceNotFound = ServiceError(
        .resourceNotFound,
        "Requested resource not found"
    )

    /// What Query and Scan of an unknown index answer.
    package static func noIndex(_ name: String) -> ServiceError {
        .validation("The table does not have the specified index: \(name)")
    }

    /// What operations on an unknown table itself answer.
    package static func tableNotFound(_ table: String) -> ServiceError {
        ServiceError(.resourceNotFound, "Requested resource not found: Table: \(table) not found")
    }

    package static func tableAlreadyExists(_ table: String) -> ServiceError {
        ServiceError(.resourceInUse, "Table already exists: \(table)")
    }

    /// The table is being made, changed or deleted.
    package static func tableInUse(_ table: String, _ status: TableStatus) -> ServiceError {
        let what =
            switch status {
            case .creating: "created"
            case .updating, .active: "updated"
            case .deleting: "deleted"
            }
        return ServiceError(
            .resourceInUse,
            "Attempt to change a resource which is still in use: Table is being \(what): \(table)"
        )
    }

    static let collectionTooLarge = ServiceError(
        .itemCollectionSizeLimitExceeded,
        "Collection size exceeded."
    )

    static let indexesInUse = ServiceError(
        .resourceInUse,
        "Attempt to change a resource which is still in use: Cannot delete table while indexes are "
            + "being created, updated, or deleted."
    )

    package static func conditionFailed(item: Item?) -> ServiceError {
        ServiceError(.conditionalCheckFailed, "The conditional request failed", item: item)
    }

    package static let internalServer = ServiceError(.internalServer, "Internal server error")
}
