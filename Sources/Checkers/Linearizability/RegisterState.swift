import History

/// What a register holds while a linear order is being tried.
struct RegisterState: Equatable {
    private var code: UInt64

    static let nothing = RegisterState(code: 0)
    /// An item or none, nobody knows which: the state in the middle of a history that was cut.
    static let anything = RegisterState(code: .max)

    private init(code: UInt64) { self.code = code }
    private init(_ write: WriteName) { self.code = UInt64(write.number) + 1 }

    /// The item that it holds, if that is known.
    var item: WriteName? {
        self == .nothing || self == .anything ? nil : WriteName(UInt32(self.code - 1))
    }

    /// For configurations' hashes.
    var bits: UInt64 { self.code }

    /// The state after a step, or nil if what the step demands does not hold.
    func after(_ step: Step) -> RegisterState? {
        var state = self
        switch step.requirement {
        case .any: break
        case .nothing:
            guard self == .nothing || self == .anything else { return nil }
            state = .nothing
        case .exists:
            guard self != .nothing else { return nil }
        case .item(let write):
            guard self == RegisterState(write) || self == .anything else { return nil }
            state = RegisterState(write)
        case .not(let write):
            guard self != RegisterState(write) else { return nil }
        }
        switch step.effect {
        case .keep: return state
        case .clear: return .nothing
        case .set(let write): return RegisterState(write)
        }
    }
}
