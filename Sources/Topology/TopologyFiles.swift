import Glibc

/// Where topology files are looked for.
package struct TopologyFiles: Sendable {
    /// Folders with topologies, the first one first.
    package var folders: [String]

    /// `topologies` below `$ATOLL_HOME`, then below the current directory.
    package static var standard: TopologyFiles {
        var folders: [String] = []
        if let home = getenv("ATOLL_HOME") {
            let path = String(cString: home)
            if !path.isEmpty { folders.append(path + "/topologies") }
        }
        folders.append("topologies")
        return TopologyFiles(folders: folders)
    }

    package init(folders: [String]) { self.folders = folders }

    /// The path of the file that a word means: the word itself when it is a path or a file, else
    /// the file of that name in a folder.
    ///
    /// - Throws: an error that lists what there is.
    package func path(of nameOrPath: String) throws(TopologyError) -> String {
        if nameOrPath.isEmpty { throw self.unknown(nameOrPath) }
        if Self.isFile(nameOrPath) { return nameOrPath }
        if nameOrPath.contains("/") || nameOrPath.hasSuffix(".yaml") || nameOrPath.hasSuffix(".yml")
        {
            let reason = Self.isFolder(nameOrPath) ? "is a folder" : "no such file"
            throw TopologyError(path: nameOrPath, reason + "; allowed is a topology's name or file")
        }
        for folder in self.folders {
            let path = "\(folder)/\(nameOrPath).yaml"
            if Self.isFile(path) { return path }
        }
        throw self.unknown(nameOrPath)
    }

    /// Names of all topologies in the folders, sorted, each once.
    package var names: [String] {
        var names: Set<String> = []
        for folder in self.folders {
            guard let stream = opendir(folder) else { continue }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let file = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if file.hasSuffix(".yaml"), !file.hasPrefix(".") {
                    names.insert(String(file.dropLast(5)))
                }
            }
        }
        return names.sorted()
    }

    private func unknown(_ name: String) -> TopologyError {
        let names = self.names
        let found = TopologyReader.quoted(name)
        guard !names.isEmpty else {
            let folders = self.folders.joined(separator: ", ")
            return TopologyError(
                path: "topology \(found)",
                "unknown: there is no topology in \(folders); name a file"
            )
        }
        let known = names.joined(separator: ", ")
        let hint = Suggestion.clause(for: name, among: names, otherwise: "")
        return TopologyError(
            path: "topology \(found)",
            "unknown; there are \(known), or name a file\(hint)"
        )
    }

    // MARK: Files

    /// All bytes of a file, or one byte more than is allowed, which the parser then refuses.
    static func bytes(of path: String) throws(TopologyError) -> [UInt8] {
        guard let file = fopen(path, "rb") else {
            throw TopologyError(path: path, "cannot be opened: \(Self.errorText())")
        }
        defer { fclose(file) }
        let limit = TopologyLimits.fileBytesMax + 1
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            let count = fread(&chunk, 1, min(chunk.count, limit - bytes.count), file)
            bytes.append(contentsOf: chunk[..<count])
            if count == 0 {
                guard ferror(file) == 0 else {
                    throw TopologyError(path: path, "cannot be read: \(Self.errorText())")
                }
                break
            }
        }
        return bytes
    }

    private static func errorText() -> String { String(cString: strerror(errno)) }

    private static func isFile(_ path: String) -> Bool {
        guard let mode = Self.mode(of: path) else { return false }
        return mode & S_IFMT != S_IFDIR
    }

    private static func isFolder(_ path: String) -> Bool {
        guard let mode = Self.mode(of: path) else { return false }
        return mode & S_IFMT == S_IFDIR
    }

    private static func mode(of path: String) -> mode_t? {
        var information = stat()
        return stat(path, &information) == 0 ? information.st_mode : nil
    }

    /// The path from the root, for processes that run elsewhere; as given when there is none.
    static func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension TopologyError {
    fileprivate init(path: String, _ message: String) {
        self.init(faults: [TopologyFault(path: path, message: message)])
    }
}

extension Topology {
    /// Reads the topology that a name or path means.
    ///
    /// `defaultName` is for copies of a file, whose own name says nothing about the cluster.
    package static func load(
        nameOrPath: String,
        defaultName: String? = nil,
        files: TopologyFiles = .standard
    ) throws(TopologyError) -> Topology {
        let path = try files.path(of: nameOrPath)
        let bytes = try TopologyFiles.bytes(of: path)
        return try Topology(yaml: bytes, path: path, defaultName: defaultName)
    }

    /// ``path`` from the root of the file system, to be handed to processes that run elsewhere.
    package var absolutePath: String { TopologyFiles.absolute(self.path) }
}
