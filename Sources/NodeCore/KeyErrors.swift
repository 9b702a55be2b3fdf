import DataModel

extension ServiceError {
    /// What a bad key of a whole item (PutItem) answers.
    static func itemKey(_ error: KeyError) -> ServiceError {
        switch error {
        case .missing(let attribute):
            .validation(
                "One or more parameter values were invalid: Missing the key "
                    + "\(text(attribute.name)) in the item"
            )
        case .typeMismatch(let attribute, let actual):
            .validation(
                "One or more parameter values were invalid: Type mismatch for key "
                    + "\(text(attribute.name)) expected: "
                    + "\(attribute.type.attributeType.code) actual: \(actual.code)"
            )
        case .empty, .tooLong, .extraAttribute:
            self.keyValue(error)
        }
    }

    /// What a bad `Key` (GetItem, UpdateItem, DeleteItem, batches) answers.
    static func key(_ error: KeyError) -> ServiceError {
        switch error {
        case .missing, .typeMismatch, .extraAttribute:
            .validation("The provided key element does not match the schema")
        case .empty, .tooLong:
            self.keyValue(error)
        }
    }

    /// What a bad `ExclusiveStartKey` answers; a Query says less of one that is not the table's.
    static func startKey(_ error: KeyError, isQuery: Bool = false) -> ServiceError {
        switch error {
        case .missing where isQuery, .extraAttribute where isQuery:
            .validation("The provided starting key is invalid")
        case .missing, .typeMismatch, .extraAttribute:
            .validation(
                "The provided starting key is invalid: "
                    + "The provided key element does not match the schema"
            )
        case .empty, .tooLong:
            .validation("The provided starting key is invalid: \(self.keyValue(error).message)")
        }
    }

    static let startKeyOutsideQuery = ServiceError.validation(
        "The provided starting key is outside query boundaries based on provided conditions"
    )

    private static func keyValue(_ error: KeyError) -> ServiceError {
        switch error {
        case .empty(let attribute):
            let kind = attribute.type == .binary ? "binary" : "string"
            return .validation(
                "One or more parameter values are not valid. The AttributeValue for a key "
                    + "attribute cannot contain an empty \(kind) value. Key: "
                    + text(attribute.name)
            )
        case .tooLong(_, let isSortKey, let limit):
            return isSortKey
                ? .validation(
                    "One or more parameter values were invalid: Aggregated size of all range keys "
                        + "has exceeded the size limit of \(limit) bytes"
                )
                : .validation(
                    "One or more parameter values were invalid: Size of hashkey has exceeded the "
                        + "maximum size limit of\(limit) bytes"
                )
        case .missing, .typeMismatch, .extraAttribute:
            return .validation("The provided key element does not match the schema")
        }
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension ServiceError {
    /// What a value that no index key can have answers.
    static func indexKey(_ fault: IndexKeyFault, isUpdate: Bool) -> ServiceError {
        let invalid = "One or more parameter values were invalid: "
        switch fault.fault {
        case .typeMismatch where isUpdate:
            return .validation(
                "The update expression attempted to update the secondary index key to unsupported "
                    + "type"
            )
        case .typeMismatch(let attribute, let actual):
            return .validation(
                invalid + "Type mismatch for Index Key \(Self.text(attribute.name)) Expected: "
                    + "\(attribute.type.attributeType.code) Actual: \(actual.code) "
                    + "IndexName: \(fault.index)"
            )
        case .tooLong where isUpdate:
            return .validation(
                "The update expression attempted to update the secondary index key beyond allowed "
                    + "size limits"
            )
        case .tooLong(_, let isSortKey, let limit):
            return .validation(
                invalid
                    + (isSortKey
                        ? "Aggregated size of all range keys has exceeded the size limit of "
                            + "\(limit) bytes"
                        : "Size of hashkey has exceeded the maximum size limit of\(limit) bytes")
            )
        case .empty(let attribute):
            let kind = attribute.type == .binary ? "binary" : "string"
            return .validation(
                "One or more parameter values are not valid. A value specified for a secondary "
                    + "index key is not supported. The AttributeValue for a key attribute cannot "
                    + "contain an empty \(kind) value. IndexName: \(fault.index), "
                    + "IndexKey: \(Self.text(attribute.name))"
            )
        case .missing, .extraAttribute:
            return .validation(invalid + "Missing the key of index \(fault.index)")
        }
    }
}
