import NodeCore

/// How an operation words its refusals.
///
/// Since June 2026 the service's front end for single writes counts what it finds itself, as
/// `1 validation error detected: …`, where it used to say the sentence alone; reads and batches
/// still do. What the storage nodes find (keys, sizes, paths) is told as ever. Source: the captures
/// of nubo-db/dynamodb-conformance and paritysuite/dynamodb-conformance, June to October 2026.
enum ValidationStyle: Sendable {
    /// PutItem, UpdateItem and DeleteItem.
    case counted
    /// All others.
    case plain

    func text(_ message: String) -> String {
        switch self {
        case .counted: ServiceError.countedPrefix + message
        case .plain: message
        }
    }

    func error(_ message: String) -> ServiceError { .validation(self.text(message)) }
}

/// The first rule that an attribute's value breaks.
struct AttributeProblem: Equatable, Sendable {
    /// Which of the service's layers finds it.
    enum Layer: Sendable {
        /// A value without a type, or with two: never counted.
        case shape
        case content
        /// Told alone even of an expression's value.
        case nesting
    }

    var text: String
    var layer: Layer = .content

    /// The refusal when the value is an attribute of an item or key.
    func error(_ style: ValidationStyle) -> ServiceError {
        .validation(self.layer == .shape ? self.text : style.text(self.text))
    }

    /// The refusal when the value is that of a placeholder.
    func error(of placeholder: [UInt8], _ style: ValidationStyle) -> ServiceError {
        guard self.layer != .nesting else { return style.error(self.text) }
        let text =
            "ExpressionAttributeValues contains invalid value: \(self.text) for key "
            + String(decoding: placeholder, as: UTF8.self)
        return .validation(self.layer == .shape ? text : style.text(text))
    }
}
