package import Primitives
package import Topology
package import Wire

/// Why a node does not do what a control request asks.
package struct ControlFault: Error, Equatable, Sendable {
    package var text: String
}

/// What a control request may ask of a node: more than a topology or one fault may, because several
/// faults add up, and less than what arithmetic could not bear.
package enum ControlLimits {
    package static let delayMax: Nanoseconds = .seconds(600)
    /// Of a million frames; were all lost, none would ever arrive.
    package static let lossPerMillionMax: Int64 = 999_999
    package static let clockOffsetMax: Nanoseconds = .seconds(366 * 86_400)
    /// A clock that stands still, or goes twice as fast.
    package static let driftPPMMax: Int64 = 1_000_000
}

extension LinkSettings {
    /// `{"latencyUs", "jitterUs", "lossPpm", "bandwidth", "cut"}`, all optional.
    package init(control json: JSONValue) throws(ControlFault) {
        let delays = 0...Int64(ControlLimits.delayMax / 1_000)
        let bandwidth = try json.whole("bandwidth", in: 0...Int64.max)
        self.init(
            latency: .microseconds(UInt64(try json.whole("latencyUs", in: delays))),
            jitter: .microseconds(UInt64(try json.whole("jitterUs", in: delays))),
            lossPerMillion: UInt32(
                try json.whole("lossPpm", in: 0...ControlLimits.lossPerMillionMax)
            ),
            bandwidth: bandwidth == 0 ? nil : UInt64(bandwidth),
            isCut: json["cut"]?.bool ?? false
        )
    }
}

extension ClockSettings {
    /// `{"offsetNs", "driftPpm"}`, both optional.
    package init(control json: JSONValue) throws(ControlFault) {
        let offsetMax = Int64(ControlLimits.clockOffsetMax)
        let driftMax = ControlLimits.driftPPMMax
        self.init(
            offsetNanoseconds: try json.whole("offsetNs", in: -offsetMax...offsetMax),
            driftPPM: Int32(try json.whole("driftPpm", in: -driftMax...driftMax))
        )
    }
}

extension JSONValue {
    /// A whole number of an object; zero when it is not there.
    fileprivate func whole(
        _ name: String,
        in range: ClosedRange<Int64>
    ) throws(ControlFault) -> Int64 {
        guard let value = self[name], value != .null else { return 0 }
        guard let text = value.numberText, let number = Int64(text), range.contains(number) else {
            throw ControlFault(
                text: "'\(name)' must be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)"
            )
        }
        return number
    }
}
