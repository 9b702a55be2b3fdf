/// A seeded generator; every concern that needs chance owns one, so that a draw added in one place
/// does not shift the draws of another.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { self.state = seed }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0..<bound`; `bound` must be positive.
    package mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0)
        return self.next().multipliedFullWidth(by: bound).high
    }

    /// True `numerator` times out of `denominator` on average.
    package mutating func chance(_ numerator: UInt64, outOf denominator: UInt64) -> Bool {
        self.below(denominator) < numerator
    }
}
