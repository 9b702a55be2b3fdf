import DataModel
import Primitives
import Testing

@Suite("Storage keys")
struct ItemKeyTests {
    static let simple = KeySchema(
        partitionKey: KeyAttribute(name: utf8("pk"), type: .string)
    )

    static func composite(_ type: ScalarKeyType) -> KeySchema {
        KeySchema(
            partitionKey: KeyAttribute(name: utf8("pk"), type: .string),
            sortKey: KeyAttribute(name: utf8("sk"), type: type)
        )
    }

    @Test("a key is token, length, partition key and sort key")
    func layout() throws {
        let key = try ItemKey(Self.composite(.number), from: Item(["pk": "ab", "sk": 1, "x": 2]))
        #expect(key.token == XXHash64.hash(utf8("ab")))
        #expect(key.bytes[0..<8].elementsEqual(ItemKey.lowerBound(of: key.token)))
        #expect(Array(key.bytes[8...]) == [0, 2, 0x61, 0x62, 0xC1, 2])
        #expect(
            key.partitionPrefix
                == (try ItemKey.partitionPrefix(Self.composite(.number), "ab"))
        )
    }

    @Test("a key gives back its attributes", arguments: [1, 2] as [UInt64])
    func attributes(seed: UInt64) throws {
        var samples = Samples(seed: seed)
        let types: [ScalarKeyType] = [.string, .number, .binary]
        for round in 0..<1_000 {
            let schema = KeySchema(
                partitionKey: KeyAttribute(name: utf8("pk"), type: types[samples.below(3)]),
                sortKey: samples.below(3) == 0
                    ? nil : KeyAttribute(name: utf8("sk"), type: types[samples.below(3)])
            )
            var map = AttributeMap()
            for attribute in schema.attributes {
                map[attribute.name] = Self.value(attribute.type, &samples)
            }
            let key = try ItemKey(schema, keyAttributes: map)
            #expect(key.attributes(schema) == map, "seed \(seed) round \(round)")
            #expect(key.keyItem(schema) == Item(map))
            #expect(try ItemKey(validating: key.bytes, schema) == key)
            map[utf8("other")] = 1
            #expect(try ItemKey(schema, from: Item(map)) == key)
            #expect(throws: KeyError.extraAttribute(utf8("other"))) {
                try ItemKey(schema, keyAttributes: map)
            }
        }
    }

    static func value(_ type: ScalarKeyType, _ samples: inout Samples) -> AttributeValue {
        switch type {
        case .string: .string(utf8("k") + samples.string(max: 5))
        case .binary: .binary([UInt8(samples.below(256))] + samples.bytes(max: 4))
        case .number: .number(samples.number())
        }
    }

    @Test(
        "keys of one partition key have the order of their sort keys",
        arguments: [ScalarKeyType.string, .number, .binary]
    )
    func order(type: ScalarKeyType) throws {
        var samples = Samples(seed: 3)
        let schema = Self.composite(type)
        for round in 0..<2_000 {
            let (a, b) = (Self.value(type, &samples), Self.value(type, &samples))
            let left = try ItemKey(schema, keyAttributes: ["pk": "p", "sk": a])
            let right = try ItemKey(schema, keyAttributes: ["pk": "p", "sk": b])
            let expected = try #require(a.order(against: b))
            #expect((left < right) == (expected == .less), "seed 3 round \(round)")
            #expect((left == right) == (expected == .equal))
            #expect((left.hashValue == right.hashValue) || left != right)
        }
    }

    @Test("keys are ordered by token first")
    func tokenOrder() throws {
        var samples = Samples(seed: 4)
        for _ in 0..<500 {
            let left = try ItemKey(
                Self.simple,
                keyAttributes: ["pk": Self.value(.string, &samples)]
            )
            let right = try ItemKey(
                Self.simple,
                keyAttributes: ["pk": Self.value(.string, &samples)]
            )
            if left.token != right.token { #expect((left < right) == (left.token < right.token)) }
        }
    }

    @Test("an item without a usable key is refused with the facts")
    func errors() throws {
        let schema = Self.composite(.number)
        let (pk, sk) = (schema.partitionKey, try #require(schema.sortKey))
        let long = AttributeValue.string([UInt8](repeating: 0x61, count: 2049))
        let cases: [(AttributeMap, KeyError)] = [
            ([:], .missing(pk)), (["sk": 1], .missing(pk)), (["pk": "a"], .missing(sk)),
            (["pk": 1, "sk": 1], .typeMismatch(pk, actual: .number)),
            (["pk": "a", "sk": "1"], .typeMismatch(sk, actual: .string)),
            (["pk": "", "sk": 1], .empty(pk)),
            (["pk": long, "sk": 1], .tooLong(pk, isSortKey: false, limit: 2048)),
        ]
        for (map, expected) in cases {
            #expect(throws: expected) { try ItemKey(schema, from: Item(map)) }
            #expect(throws: expected) { try ItemKey(schema, keyAttributes: map) }
        }
        let text = Self.composite(.string)
        let textSort = try #require(text.sortKey)
        let longSort = AttributeValue.string([UInt8](repeating: 0x61, count: 1025))
        #expect(throws: KeyError.tooLong(textSort, isSortKey: true, limit: 1024)) {
            try ItemKey(text, from: Item(["pk": "a", "sk": longSort]))
        }
        #expect(throws: KeyError.empty(textSort)) {
            try ItemKey(text, from: Item(["pk": "a", "sk": ""]))
        }
        let longest = AttributeMap([
            (utf8("pk"), .string([UInt8](repeating: 0x61, count: 2048))),
            (utf8("sk"), .string([UInt8](repeating: 0x61, count: 1024))),
        ])
        #expect(try ItemKey(text, keyAttributes: longest).attributes(text) == longest)
    }

    @Test("damaged keys are refused")
    func hostile() throws {
        var samples = Samples(seed: 5)
        let schema = Self.composite(.number)
        let key = try ItemKey(schema, keyAttributes: ["pk": "abc", "sk": 12])
        for end in 0..<key.bytes.count {
            #expect(throws: DecodingError.self) {
                try ItemKey(validating: Array(key.bytes[..<end]), schema)
            }
        }
        for _ in 0..<20_000 {
            var bytes = samples.below(2) == 0 ? key.bytes : samples.bytes(max: 20)
            if !bytes.isEmpty { bytes[samples.below(bytes.count)] = UInt8(samples.below(256)) }
            guard let key = try? ItemKey(validating: bytes, schema) else { continue }
            #expect(try ItemKey(schema, keyAttributes: key.attributes(schema)) == key)
        }
        #expect(throws: DecodingError.self) { try ItemKey(validating: key.bytes, Self.simple) }
    }

    @Test(
        "bounds hold exactly the keys that satisfy the condition",
        arguments: [
            ScalarKeyType.string, .number, .binary,
        ]
    )
    func bounds(type: ScalarKeyType) throws {
        var samples = Samples(seed: 6)
        let schema = Self.composite(type)
        var hits = 0
        for round in 0..<2_000 {
            let (sort, a, b) = (
                Self.value(type, &samples), Self.value(type, &samples),
                samples.below(4) == 0 ? nil : Self.value(type, &samples)
            )
            let high = b ?? a
            let key = try ItemKey(schema, keyAttributes: ["pk": "p", "sk": sort])
            let toA = try #require(sort.order(against: a))
            let toHigh = try #require(sort.order(against: high))
            var conditions: [(SortKeyBounds, Bool)] = [
                (.all, true), (.equal(a), toA == .equal), (.less(a), toA == .less),
                (.lessOrEqual(a), toA != .greater), (.greater(a), toA == .greater),
                (.greaterOrEqual(a), toA != .less),
                (.between(a, high), toA != .less && toHigh != .greater),
                (.equal(sort), true), (.between(sort, sort), true), (.less(sort), false),
                (.greater(sort), false),
            ]
            if type != .number {
                conditions.append((.beginsWith(a), PackedValue(sort).hasPrefix(PackedValue(a))))
                conditions.append((.beginsWith(sort), true))
            }
            for (condition, expected) in conditions {
                let bounds = try KeyBounds(schema, partition: "p", sort: condition)
                let isInside =
                    !ByteOrder.isLess(key.bytes, bounds.from)
                    && ByteOrder.isLess(key.bytes, bounds.to)
                #expect(isInside == expected, "seed 6 round \(round): \(condition)")
                #expect(!isInside || !bounds.isEmpty)
                if isInside { hits += 1 }
            }
            let other = try ItemKey(schema, keyAttributes: ["pk": "q", "sk": sort])
            let all = try KeyBounds(schema, partition: "p", sort: .all)
            #expect(
                ByteOrder.isLess(other.bytes, all.from) || !ByteOrder.isLess(other.bytes, all.to)
            )
        }
        #expect(hits > 4_000)
    }

    @Test("a prefix of 0xFF bytes ends where its partition key ends")
    func prefixOfOnes() throws {
        let schema = Self.composite(.binary)
        let all = try KeyBounds(schema, partition: "p", sort: .all)
        let ones = try KeyBounds(
            schema,
            partition: "p",
            sort: .beginsWith(.binary([0xFF, 0xFF]))
        )
        #expect(ones.to == all.to)
        let key = try ItemKey(
            schema,
            keyAttributes: ["pk": "p", "sk": .binary([0xFF, 0xFF, 0xFF])]
        )
        #expect(ByteOrder.isLess(key.bytes, ones.to))
    }
}
