package import DataModel

/// What expressions may do with key attributes: read them, but not look inside them, and neither
/// filter a query by them nor update them (``UpdateExpression/check(schema:)``).
extension PathTable {
    /// Refuses paths into a key attribute, which is a scalar.
    func check(_ path: PathReference, _ schema: KeySchema) throws(ExpressionError) {
        guard path.count > 1 else { return }
        let name = self.attribute(of: path)
        guard schema.isKey(name) else { return }
        throw ExpressionError(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
                + "allowed: Key: \(text(name))"
        )
    }
}

extension ConditionExpression {
    /// Refuses paths into key attributes.
    package func check(schema: KeySchema) throws(ExpressionError) {
        for path in self.usedPaths { try self.paths.check(path, schema) }
    }

    /// Refuses key attributes in the filter of a query, whose key condition is the place for them;
    /// `parameter` is how the service calls what the filter was given in.
    package func checkQueryFilter(
        schema: KeySchema,
        parameter: String = "Filter Expression"
    ) throws(ExpressionError) {
        try self.check(schema: schema)
        for path in self.usedPaths {
            let name = self.paths.attribute(of: path)
            guard schema.isKey(name) else { continue }
            throw ExpressionError(
                "\(parameter) can only contain non-primary key attributes: "
                    + "Primary key attribute: \(text(name))"
            )
        }
    }

    /// The paths of all nodes.
    private var usedPaths: [PathReference] {
        var found: [PathReference] = []
        func add(_ operands: Operand...) {
            for operand in operands {
                switch operand {
                case .path(let path), .sizeOfPath(let path): found.append(path)
                case .value, .sizeOfValue, .invalid: break
                }
            }
        }
        for node in self.nodes {
            switch node {
            case .and, .or, .not, .invalid: break
            case .compare(_, let left, let right), .beginsWith(let left, let right),
                .contains(let left, let right):
                add(left, right)
            case .between(let value, let low, let high): add(value, low, high)
            case .isIn(let value, let start, let count):
                add(value)
                for position in Int(start)..<Int(start) + Int(count) { add(self.lists[position]) }
            case .attributeExists(let path), .attributeNotExists(let path): found.append(path)
            case .attributeType(let value, _): add(value)
            }
        }
        return found
    }
}

extension ProjectionExpression {
    /// Refuses paths into key attributes.
    package func check(schema: KeySchema) throws(ExpressionError) {
        try self.projection.check(schema)
    }
}
