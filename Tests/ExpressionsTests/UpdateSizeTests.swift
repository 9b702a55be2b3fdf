import DataModel
import Expressions
import Testing

/// The item-size limit of a standalone UpdateItem, to the byte.
///
/// Figures: nubo-db/dynamodb-conformance, itemSizeBySurface.test.ts, measured against the service.
@Suite("Updates: the size limit to the byte")
struct UpdateSizeTests {
    static let limit = 400 * 1024

    /// The largest item that an update of the sample key can leave, when `:pad` fills it.
    private func ceiling(
        _ text: String,
        over old: AttributeMap = [:],
        key: AttributeMap = ["pk": "K"],
        countsActions: Bool = true
    ) throws -> Int {
        var low = Self.limit - 400
        var high = Self.limit + 400
        func size(_ padding: Int) throws -> Int? {
            var substitutions = try Substitutions(
                names: nil,
                values: [
                    (bytes(":pad"), .string(Array(repeating: 0x78, count: padding))),
                    (bytes(":c"), "y"), (bytes(":one"), 1),
                ]
            )
            var update = try UpdateExpression(parsing: bytes(text), &substitutions)
            update.countsActions = countsActions
            var item = Item(key).unpacked()
            for (name, value) in old.entries { item[name] = value }
            do throws(ExpressionError) {
                return try update.apply(to: Item(item), key: Item(key)).size
            } catch {
                #expect(
                    error.message == "Item size to update has exceeded the maximum allowed size"
                )
                return nil
            }
        }
        while high - low > 1 {
            let middle = (low + high) / 2
            if try size(middle) == nil { high = middle } else { low = middle }
        }
        return try #require(try size(low))
    }

    @Test("a short key: what is written and 22 bytes")
    func short() throws {
        #expect(try self.ceiling("SET b = :pad") == Self.limit - 19)
        // A key that makes up for the 22 bytes: the item itself is the limit.
        #expect(
            try self.ceiling("SET b = :pad", key: ["pk": "abcdefghijklmnopqrstuvwxyz"])
                == Self.limit
        )
        #expect(try self.ceiling("SET b = :pad", key: ["pk": "S", "sk": "a"]) == Self.limit - 16)
    }

    @Test("each action has its price")
    func actions() throws {
        let one = try self.ceiling("SET b = :pad")
        #expect(try self.ceiling("SET b = :pad, c = :c") == one - 19)
        #expect(try self.ceiling("SET b = :pad ADD n :one") == one - 19)
        #expect(try self.ceiling("SET b = :pad REMOVE r", over: ["r": "z"]) == one - 2)
        #expect(try self.ceiling("SET b = :pad, n = n + :one", over: ["n": 1]) == one - 69)
        #expect(try self.ceiling("SET b[0] = :pad", over: ["b": ["x"]]) == one - 1)
        #expect(try self.ceiling("SET b = :pad", over: ["u": "yyyyyyyyyy"]) == one + 11)
    }

    @Test("without the prices the item alone counts")
    func flat() throws {
        #expect(try self.ceiling("SET b = :pad", countsActions: false) == Self.limit)
    }
}
