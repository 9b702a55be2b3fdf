/// Collects what should hold and does not, in words; empty when all is well.
package struct BrokenInvariants: Sendable {
    package private(set) var list: [String] = []

    package init() {}

    package var isEmpty: Bool { self.list.isEmpty }

    /// Notes `text` unless the condition holds.
    package mutating func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
        if !holds { self.list.append(text()) }
    }

    /// Takes over what another structure found, each with where it was found in front.
    package mutating func add(_ others: [String], of place: @autoclosure () -> String) {
        guard !others.isEmpty else { return }
        let place = place()
        for other in others { self.list.append("\(place): \(other)") }
    }
}
