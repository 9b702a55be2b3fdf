import Primitives

/// Turns a YAML tree into a ``Topology`` and collects every fault on the way.
///
/// Reading never stops at the first fault: what cannot be understood takes its default, so that one
/// run reports all there is to mend. The result is used only when there was no fault.
struct TopologyReader {
    let path: String
    /// The cluster's name unless the file says one.
    let defaultName: String
    private(set) var faults: [TopologyFault] = []
    private(set) var isFull = false
    /// False when a region could not be read: words that name none are then no fault of their own.
    var hasAllRegions = true

    init(path: String, defaultName: String) {
        self.path = path
        self.defaultName = defaultName
    }

    // MARK: Faults

    mutating func report(_ line: Int?, _ message: String) {
        guard self.faults.count < TopologyLimits.faultsMax else {
            self.isFull = true
            return
        }
        self.faults.append(TopologyFault(path: self.path, line: line, message: message))
    }

    /// A hint at the word that was meant; not sought any more when nobody will see it.
    func clause(for word: String, among candidates: [String], otherwise: String) -> String {
        guard self.faults.count < TopologyLimits.faultsMax else { return otherwise }
        return Suggestion.clause(for: word, among: candidates, otherwise: otherwise)
    }

    /// Text from a file as a message may show it: short, and nothing that moves a cursor.
    static func quoted(_ text: String) -> String {
        var shown = ""
        var count = 0
        for scalar in text.unicodeScalars {
            guard count < 40 else {
                shown += "…"
                break
            }
            let isPlain = scalar.value >= 0x20 && scalar.value != 0x7F
            shown.unicodeScalars.append(isPlain && !(0x80..<0xA0 ~= scalar.value) ? scalar : "?")
            count += 1
        }
        return "'\(shown)'"
    }

    // MARK: Mappings

    /// The values of a mapping by key, after unknown and repeated keys were reported.
    struct Fields {
        let entries: [YAMLEntry]

        subscript(key: String) -> YAMLNode? { self.entries.first { $0.key == key }?.value }
    }

    /// The fields of a mapping whose keys must be among `known`; `place` says where, as in
    /// "under network", and `name` what the mapping is.
    mutating func fields(
        _ node: YAMLNode,
        of name: String,
        under place: String,
        known: [String]
    ) -> Fields? {
        guard let entries = self.entries(node, of: name, under: place) else { return nil }
        for entry in entries where !known.contains(entry.key) {
            let hint = self.clause(
                for: entry.key,
                among: known,
                otherwise: "; known keys are " + known.joined(separator: ", ")
            )
            self.report(entry.line, "unknown key \(Self.quoted(entry.key))\(place)\(hint)")
        }
        return Fields(entries: entries)
    }

    /// The entries of a mapping with keys that the user chooses; the first of repeated ones.
    mutating func entries(
        _ node: YAMLNode,
        of name: String,
        under place: String
    ) -> [YAMLEntry]? {
        guard case .mapping(let entries) = node.content else {
            self.report(
                node.line,
                "\(name) is \(Self.kind(node)); it must be a mapping (key: value)"
            )
            return nil
        }
        var lines: [String: Int] = [:]
        var kept: [YAMLEntry] = []
        for entry in entries {
            if let first = lines[entry.key] {
                let key = Self.quoted(entry.key)
                self.report(
                    entry.line,
                    "key \(key)\(place) again, first on line \(first); once is allowed"
                )
            } else {
                lines[entry.key] = entry.line
                kept.append(entry)
            }
        }
        return kept
    }

    // MARK: Values

    /// What a node is, for messages.
    static func kind(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(""): "empty"
        case .scalar(let text): Self.quoted(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// The text of a plain value, or nil after a report.
    mutating func text(_ node: YAMLNode, of name: String, allowed: String) -> String? {
        guard case .scalar(let text) = node.content, !text.isEmpty else {
            self.report(node.line, "\(name) is \(Self.kind(node)); allowed is \(allowed)")
            return nil
        }
        return text
    }

    /// A whole number in a range.
    mutating func integer(_ node: YAMLNode, of name: String, in range: ClosedRange<Int>) -> Int? {
        let allowed = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = self.text(node, of: name, allowed: allowed) else { return nil }
        let isPlain = text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        guard isPlain, let value = Int(text), range.contains(value) else {
            self.report(node.line, "\(name) is \(Self.quoted(text)); allowed is \(allowed)")
            return nil
        }
        return value
    }

    /// One of the words of an enumeration.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ node: YAMLNode,
        of name: String,
        _ type: Choice.Type
    ) -> Choice? where Choice.RawValue == String {
        let words = type.allCases.map(\.rawValue)
        let allowed = words.joined(separator: ", ")
        guard let text = self.text(node, of: name, allowed: allowed) else { return nil }
        if let value = Choice(rawValue: text) { return value }
        let hint = self.clause(for: text, among: words, otherwise: "")
        self.report(
            node.line,
            "\(name) is \(Self.quoted(text)); allowed are \(allowed)\(hint)"
        )
        return nil
    }

    /// A quantity with its unit; `parse` reads it and `range` bounds it.
    mutating func quantity<Value: Comparable>(
        _ node: YAMLNode,
        of name: String,
        _ form: Quantity.Form,
        in range: ClosedRange<Value>,
        text rangeText: String,
        _ parse: (String) throws(QuantityError) -> Value
    ) -> Value? {
        guard let text = self.text(node, of: name, allowed: form.allowed) else { return nil }
        let found = "\(name) is \(Self.quoted(text))"
        let value: Value
        do throws(QuantityError) {
            value = try parse(text)
        } catch {
            let fault =
                switch error {
                case .malformed: found
                case .missingUnit: "\(found), without a unit"
                case .unknownUnit(let unit): "\(found), with the unknown unit \(Self.quoted(unit))"
                case .tooFine: "\(found), finer than the smallest unit"
                case .tooLarge: "\(found), too large"
                }
            self.report(node.line, "\(fault); allowed is \(form.allowed)")
            return nil
        }
        guard range.contains(value) else {
            self.report(node.line, "\(found), out of range; allowed is \(rangeText)")
            return nil
        }
        return value
    }

    mutating func duration(
        _ node: YAMLNode,
        of name: String,
        max: Nanoseconds = TopologyLimits.latencyMax
    ) -> Nanoseconds? {
        self.quantity(
            node,
            of: name,
            .duration,
            in: 0...max,
            text: "0ms to \(Quantity.text(nanoseconds: max))",
            Quantity.duration
        )
    }
}
