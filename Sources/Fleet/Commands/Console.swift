import Glibc
package import Wire

/// Where a command prints: results to standard output, troubles to standard error.
package struct Console: Sendable {
    package var style: TextStyle
    package var errorStyle: TextStyle

    /// Colours only on terminals, and never when `NO_COLOR` is set (no-color.org).
    package init() {
        let isWelcome = getenv("NO_COLOR").map { $0.pointee == 0 } ?? true
        self.style = TextStyle(isColored: isWelcome && isatty(STDOUT_FILENO) == 1)
        self.errorStyle = TextStyle(isColored: isWelcome && isatty(STDERR_FILENO) == 1)
    }

    package func print(_ text: String) { self.write(text, to: STDOUT_FILENO) }

    package func print(_ json: JSONValue) { self.print(json.pretty() + "\n") }

    /// `atoll: message`, then what to do next.
    package func error(_ message: String, hint: String = "") {
        var text = self.errorStyle.red("atoll: ") + message + "\n"
        if !hint.isEmpty { text += "  \(hint)\n" }
        self.write(text, to: STDERR_FILENO)
    }

    private func write(_ text: String, to file: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // Nobody reads any more, as behind `| head`.
            guard count > 0 else { return }
            bytes.removeFirst(count)
        }
    }
}

/// What a process ends with.
package enum ExitCode {
    package static let done: Int32 = 0
    package static let failed: Int32 = 1
    package static let notUnderstood: Int32 = 2
}
