package import Primitives

/// Numbers for people.
package enum Figures {
    /// `70.2 ms`.
    package static func milliseconds(_ value: Nanoseconds) -> String {
        "\(self.decimal(value, per: 1_000_000)) ms"
    }

    /// `350 µs`, `70.2 ms`, `12.5 s`, `3m 5s`.
    package static func duration(_ value: Nanoseconds) -> String {
        switch value {
        case ..<1_000_000: "\(value / 1_000) µs"
        case ..<1_000_000_000: self.milliseconds(value)
        case ..<100_000_000_000: "\(self.decimal(value, per: 1_000_000_000)) s"
        default: "\(value / 60_000_000_000)m \(value / 1_000_000_000 % 60)s"
        }
    }

    /// `+1.5 ms`.
    package static func signedDuration(_ value: Int64) -> String {
        (value < 0 ? "-" : "+") + self.duration(value.magnitude)
    }

    /// `12.3 MB`.
    package static func bytes(_ value: UInt64) -> String {
        switch value {
        case ..<1_000: "\(value) B"
        case ..<1_000_000: "\(self.decimal(value, per: 1_000)) kB"
        case ..<1_000_000_000: "\(self.decimal(value, per: 1_000_000)) MB"
        default: "\(self.decimal(value, per: 1_000_000_000)) GB"
        }
    }

    /// One decimal, rounded.
    private static func decimal(_ value: UInt64, per scale: UInt64) -> String {
        let tenths = (value + scale / 20) / (scale / 10)
        return "\(tenths / 10).\(tenths % 10)"
    }
}
