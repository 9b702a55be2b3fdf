import NodeCore

/// The members of a request on tables in tree form; their types and the model's constraints are
/// checked before anybody asks.
struct RequestTree {
    private let value: JSONValue

    /// - Precondition: the value is an object of the expected shape.
    private init(checked value: JSONValue) { self.value = value }

    private func member(_ name: String) -> JSONValue? {
        guard let member = self.value[name], member != .null else { return nil }
        return member
    }

    func has(_ name: String) -> Bool { self.member(name) != nil }

    func string(_ name: String) -> String? { self.member(name)?.string }

    func bool(_ name: String) -> Bool? { self.member(name)?.bool }

    /// A whole number; a fraction is cut off, as in the service.
    func integer(_ name: String) -> Int? {
        self.member(name)?.numberText.map { RequestNumber.floor(Array($0.utf8)) }
    }

    func structure(_ name: String) -> RequestTree? {
        self.member(name).map { RequestTree(checked: $0) }
    }

    func strings(_ name: String) -> [String]? {
        self.member(name)?.array?.compactMap(\.string)
    }

    func structures(_ name: String) -> [RequestTree]? {
        self.member(name)?.array?.map { RequestTree(checked: $0) }
    }

    /// The name that translates to a choice; the model has it among the choices.
    func choice<Choice: Sendable>(_ name: String, of table: ChoiceTable<Choice>) -> Choice? {
        guard let text = self.string(name) else { return nil }
        return table.choices.first { $0.0 == text }?.1
    }

    /// The table that the request names, of an ARN the name in it.
    var table: String { RequestedTable.name(self.string("TableName") ?? "") }
}

extension RequestTree {
    /// Reads a whole body: its types first, then the table's name alone, then what the model asks.
    init(_ reader: inout RequestReader, _ name: OperationName) throws(ServiceError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(reading: &reader.json)
            try reader.json.finish()
        } catch {
            throw ServiceError(error)
        }
        let shape = RequestShapes.shape(of: name)
        try shape.checkTypes(value, .element)
        self.init(checked: value)
        if case .structure(_, let members) = shape,
            members.contains(where: { $0.name == "TableName" })
        {
            try self.checkTableName()
        }
        var constraints = Constraints()
        shape.check(value, at: "", &constraints)
        try constraints.check()
    }

    /// The service tells of a bad name before it looks at anything else of the request.
    private func checkTableName() throws(ServiceError) {
        guard let text = self.string("TableName") else {
            throw .validation(
                "The parameter 'TableName' is required but was not present in the request"
            )
        }
        var constraints = Constraints()
        if text.isEmpty {
            constraints.length(of: text, in: 1...255, at: "tableName")
        } else {
            try RequestedTable.checkARN(text)
            constraints.name(RequestedTable.name(text), at: "tableName")
        }
        try constraints.check()
    }
}
