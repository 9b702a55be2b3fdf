import Glibc

/// The process that listens on a TCP port of this machine, as far as this user may see it.
///
/// Linux only: the listening socket's inode from `/proc/net/tcp`, then the process that has it open
/// from `/proc/*/fd`.
package func portHolder(_ port: UInt16) -> (pid: Int32, command: String)? {
    let inodes = listeningInodes(port)
    if inodes.isEmpty { return nil }
    let targets = inodes.map { "socket:[\($0)]" }
    for name in directoryEntries("/proc") {
        guard let pid = Int32(name) else { continue }
        let descriptors = "/proc/\(pid)/fd"
        for descriptor in directoryEntries(descriptors)
        where linkTarget("\(descriptors)/\(descriptor)").map(targets.contains) ?? false {
            return (pid, processCommand(pid) ?? "?")
        }
    }
    return nil
}

/// A process's command line with its arguments, or its short name when it has none.
package func processCommand(_ pid: Int32) -> String? {
    guard var bytes = fileBytes("/proc/\(pid)/cmdline") else { return nil }
    while bytes.last == 0 { bytes.removeLast() }
    if bytes.isEmpty {
        guard let name = fileBytes("/proc/\(pid)/comm") else { return nil }
        return String(decoding: name.prefix { $0 != 0x0A }, as: UTF8.self)
    }
    return String(decoding: bytes.map { $0 == 0 ? 0x20 : $0 }, as: UTF8.self)
}

func portInUseMessage(_ port: UInt16) -> String {
    guard let holder = portHolder(port) else {
        return "port \(port) is in use (by a process of another user)"
    }
    return "port \(port) is in use by process \(holder.pid): \(holder.command)"
}

/// Columns of `/proc/net/tcp`: number, local address:port, remote, state (0A = listening) … inode.
private func listeningInodes(_ port: UInt16) -> [Substring] {
    var inodes: [Substring] = []
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        guard let bytes = fileBytes(file) else { continue }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst() {
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count > 9, columns[3] == "0A",
                let digits = columns[1].split(separator: ":").last,
                UInt16(digits, radix: 16) == port
            else { continue }
            inodes.append(columns[9])
        }
    }
    return inodes
}

private func directoryEntries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names
}

private func linkTarget(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 256)
    let count = readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A whole small file, or `nil` when it cannot be read.
func fileBytes(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return nil }
    defer { Glibc.close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 { return nil }
        if count == 0 { return bytes }
        bytes.append(contentsOf: chunk[..<count])
    }
}
