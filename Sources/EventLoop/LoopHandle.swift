import CUV

/// Common life of every libuv handle: memory, ownership and close.
///
/// While the handle is open, `data` holds one retain of this object, so callers may drop theirs;
/// the close callback gives it back. After ``beginClose()`` the pointer is gone, and every method
/// of a subclass that finds no pointer does nothing.
package class LoopHandle {
    let state: LoopState
    final private(set) var handle: UnsafeMutablePointer<uv_handle_t>?
    private var isRegistered = false

    /// Allocates an uninitialised handle; the subclass calls libuv's init and then ``register()``.
    init(_ state: LoopState, _ type: uv_handle_type) {
        self.state = state
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: uv_handle_size(type),
            alignment: 16
        )
        self.handle = memory.assumingMemoryBound(to: uv_handle_t.self)
    }

    deinit {
        if !self.isRegistered { self.handle?.deallocate() }
    }

    package final var isOpen: Bool { self.handle != nil }

    /// Hands one retain to libuv; from here on only the close callback frees the memory.
    final func register() {
        precondition(!self.isRegistered)
        self.isRegistered = true
        self.handle?.pointee.data = Unmanaged<LoopHandle>.passRetained(self).toOpaque()
    }

    /// Starts closing; ``didClose()`` follows later in the same loop iteration.
    final func beginClose() {
        guard let handle = self.handle else { return }
        precondition(self.isRegistered)
        self.handle = nil
        uv_close(handle) { handle in
            guard let handle, let data = handle.pointee.data else { return }
            let owner = Unmanaged<LoopHandle>.fromOpaque(data).takeRetainedValue()
            handle.deallocate()
            owner.state.hasRun = true
            owner.didClose()
        }
    }

    /// The handle as the libuv type that the subclass initialised it to.
    final func pointer<Handle>(as type: Handle.Type) -> UnsafeMutablePointer<Handle>? {
        self.handle.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: type) }
    }

    /// Called once when libuv has let go of the handle.
    func didClose() {}
}

/// Recovers the object behind a handle inside a callback, and notes that this turn ran something.
@inline(__always)
func owner<Owner: LoopHandle>(_ data: UnsafeMutableRawPointer?, _ type: Owner.Type) -> Owner? {
    guard let data else { return nil }
    let owner = Unmanaged<Owner>.fromOpaque(data).takeUnretainedValue()
    owner.state.hasRun = true
    return owner
}
