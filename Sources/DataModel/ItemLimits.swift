/// The documented bounds of items, keys and numbers (Amazon DynamoDB Developer Guide, "Service,
/// account, and table quotas" and "Constraints").
package enum ItemLimits {
    /// Bytes of an item: names and values as DynamoDB counts them, see ``Item/size``.
    package static let itemBytesMax = 400 * 1024
    /// Bytes of the items of one partition key and their entries in local indexes; only in tables
    /// that have some.
    package static let collectionBytesMax: UInt64 = 10 << 30
    /// Lists and maps inside each other: what lies in the innermost one is on level 32, the deepest
    /// that the service takes.
    package static let nestingMax = 31
    package static let partitionKeyBytesMax = 2048
    package static let sortKeyBytesMax = 1024
    package static let attributeNameBytesMax = 65_535
    /// Names of key attributes and of attributes projected into an index.
    package static let keyNameBytesMax = 255
    /// Significant decimal digits of a number.
    package static let numberDigitsMax = 38
    /// Decimal exponent of the first significant digit: 1E-130 to 9.99…E+125.
    package static let numberExponents = -130...125
}
