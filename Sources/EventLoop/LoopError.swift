import CUV

/// A failed system call of the loop, in libuv's numbering (negative errno) with a text for people.
package struct LoopError: Error, Equatable, Sendable, CustomStringConvertible {
    /// libuv's code: a negated errno, or one of its own such as end-of-file.
    package let code: Int32
    package let description: String

    package init(code: Int32, description: String) {
        self.code = code
        self.description = description
    }

    init(_ code: Int32, while action: String) {
        self.init(code: code, description: "\(action): \(String(cString: uv_strerror(code)))")
    }

    package var isRefused: Bool { self.code == UV_ECONNREFUSED.rawValue }
    package var isAddressInUse: Bool { self.code == UV_EADDRINUSE.rawValue }
    package var isOutboundOverflow: Bool { self.code == UV_ENOBUFS.rawValue }
}

/// Turns libuv's negative results into ``LoopError``.
func check(_ status: Int32, _ action: @autoclosure () -> String) throws(LoopError) {
    if status < 0 { throw LoopError(status, while: action()) }
}
