import DataModel
import Expressions
import Testing

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Substitutions that the tables share: a placeholder for each type.
func samples() throws -> Substitutions {
    try Substitutions(
        names: [
            (bytes("#a"), bytes("a")), (bytes("#b"), bytes("b")), (bytes("#name"), bytes("name")),
            (bytes("#dot"), bytes("x.y")), (bytes("#1"), bytes("one")),
        ],
        values: [
            (bytes(":s"), "str"), (bytes(":t"), "tower"), (bytes(":n"), 1), (bytes(":two"), 2),
            (bytes(":b"), .binary([1, 2])), (bytes(":true"), true), (bytes(":null"), .null),
            (bytes(":l"), ["x", 7]), (bytes(":m"), ["k": "v"]),
            (bytes(":ss"), .stringSet([bytes("p"), bytes("q")])),
            (bytes(":ns"), .numberSet([1, 2].map { DecimalNumber($0) })),
            (bytes(":bs"), .binarySet([[1], [2]])), (bytes(":empty"), ""),
            (bytes(":typeS"), "S"), (bytes(":typeN"), "N"), (bytes(":typeM"), "M"),
            (bytes(":badType"), "STRING"),
        ]
    )
}

/// One text and what should come of it.
struct Example<Outcome: Sendable>: Sendable, CustomTestStringConvertible {
    let text: String
    let outcome: Outcome

    init(_ text: String, _ outcome: Outcome) {
        self.text = text
        self.outcome = outcome
    }

    var testDescription: String { self.text }
}

/// The message with which `body` refuses its input, or what it made of it.
func refusal<Result>(_ body: () throws(ExpressionError) -> Result) -> String {
    do throws(ExpressionError) {
        return "accepted: \(try body())"
    } catch {
        return error.message
    }
}
