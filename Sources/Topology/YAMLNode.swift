/// A value in a YAML file, with the line it stands on.
package struct YAMLNode: Equatable, Sendable {
    package enum Content: Equatable, Sendable {
        /// Always text: what it means is for the reader of the key to say, not for YAML's own
        /// rules, under which a country code `NO` would be false.
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
    }

    /// From 1.
    package var line: Int
    package var content: Content

    package init(line: Int, content: Content) {
        self.line = line
        self.content = content
    }
}

/// One key of a mapping and its value.
package struct YAMLEntry: Equatable, Sendable {
    package var key: String
    /// From 1.
    package var line: Int
    package var value: YAMLNode

    package init(key: String, line: Int, value: YAMLNode) {
        self.key = key
        self.line = line
        self.value = value
    }
}

/// Why bytes are not a YAML document that we read, and where; lines and columns are from 1.
package struct YAMLError: Error, Equatable, Sendable {
    package var line: Int?
    package var column: Int?
    package var message: String
}
