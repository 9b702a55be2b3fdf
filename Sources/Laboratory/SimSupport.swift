import Glibc
import Simulation

/// Seconds of processor time that this process has used.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Resident memory of this process, in bytes; zero where the system does not tell.
func residentBytes() -> UInt64 {
    guard let bytes = readFile("/proc/self/statm") else { return 0 }
    let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard words.count > 1, let pages = UInt64(words[1]) else { return 0 }
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
}

func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}

/// The whole of a file; nil when it cannot be read.
func readFile(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = chunk.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
        guard count > 0 else { break }
        bytes.append(contentsOf: chunk.prefix(count))
    }
    return ferror(file) == 0 ? bytes : nil
}

/// Writes a whole file.
///
/// - Returns: what went wrong; nil when nothing did.
func writeFile(_ bytes: [UInt8], to path: String) -> String? {
    guard let file = fopen(path, "wb") else { return String(cString: strerror(errno)) }
    let count = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    guard fclose(file) == 0, count == bytes.count else {
        return String(cString: strerror(errno))
    }
    return nil
}

/// Prints lines through the C library's buffer: a trace has a hundred thousand of them a second.
struct LinePrinter: Sendable {
    func add(_ line: String) { puts(line) }

    static func flush() { fflush(nil) }
}
