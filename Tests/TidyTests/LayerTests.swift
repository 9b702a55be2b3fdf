import Foundation
import Testing

/// The layers of the architecture: which target may import which, and what the core may not name.
@Suite("Layers") struct LayerTests {
    /// The core, and what judges it: no I/O, no clock, no threads.
    static let core: Set<String> = [
        "Primitives", "DataModel", "Expressions", "Placement", "Consensus", "Replication",
        "Tables", "NodeCore", "Wire", "History", "Checkers", "Simulation", "Experiments",
    ]

    /// What each target may import; system modules included.
    static let allowed: [String: Set<String>] = [
        "Primitives": [],
        "DataModel": ["Primitives"],
        "Expressions": ["Primitives", "DataModel"],
        "Placement": ["Primitives"],
        "Consensus": ["Primitives"],
        "Replication": ["Primitives"],
        "Tables": ["Primitives", "DataModel", "Expressions", "Replication"],
        "NodeCore": [
            "Primitives", "DataModel", "Expressions", "Placement", "Consensus", "Replication",
            "Tables",
        ],
        "Wire": ["Primitives", "DataModel", "Expressions", "NodeCore", "Replication"],
        "History": [],
        "Checkers": ["History"],
        "Simulation": [
            "Primitives", "DataModel", "Consensus", "Replication", "Tables", "NodeCore", "Wire",
            "History", "Checkers",
        ],
        "Experiments": ["Primitives", "DataModel", "NodeCore", "Simulation"],
        "EventLoop": ["CUV", "Glibc"],
        "Compression": ["CZlib", "Wire"],
        "RocksStore": ["CRocksDB", "Primitives", "Tables", "Glibc"],
        "Topology": ["CYAML", "Primitives", "Placement", "Glibc"],
        "NodeHost": [
            "Primitives", "DataModel", "NodeCore", "Tables", "Wire", "EventLoop", "RocksStore",
            "Topology", "Replication", "History", "Compression", "Glibc",
        ],
        "Gateway": [
            "DataModel", "NodeCore", "EventLoop", "Wire", "Compression", "History", "Glibc",
        ],
        "Laboratory": [
            "Primitives", "History", "Checkers", "Simulation", "Experiments", "EventLoop", "Wire",
            "Topology", "Fleet", "NodeCore", "DataModel", "Glibc",
        ],
        "Fleet": ["Primitives", "EventLoop", "Wire", "Topology", "Glibc"],
        "atoll": [
            "NodeHost", "Gateway", "Fleet", "Laboratory", "Topology", "Primitives", "EventLoop",
            "Wire", "Glibc",
        ],
    ]

    /// Words that bring clocks, threads, chance or unordered walks into the core.
    static let banned = [
        #"\basync\b"#, #"\bawait\b"#, #"\bTask\b"#, #"\bDate\("#, #"\.now\(\)"#, #"\bUUID\("#,
        #"random\(in: [^)]*\)(?!, using)"#, #"\.shuffled\(\)"#, #"\.randomElement\(\)"#,
        #"\bSystemRandomNumberGenerator\b"#, #"\bContinuousClock\b"#, #"\bprint\("#,
    ]

    @Test(arguments: SourceTree.targets) func importsOnlyDownward(target: String) throws {
        let allowed = try #require(
            Self.allowed[target],
            "name the layer of \(target) in LayerTests.allowed"
        )
        for file in try SourceTree.swiftFiles(of: target) {
            for name in file.imports where !allowed.contains(name) {
                Issue.record("\(file.path) imports \(name), which \(target) may not")
            }
        }
    }

    @Test(arguments: SourceTree.targets.filter(core.contains))
    func coreNamesNoClockThreadOrChance(target: String) throws {
        for file in try SourceTree.swiftFiles(of: target) {
            for (number, line) in file.codeLines {
                for pattern in Self.banned
                where line.range(of: pattern, options: .regularExpression) != nil {
                    Issue.record("\(file.path):\(number) uses \(pattern): \(line)")
                }
            }
        }
    }

    @Test("only simulations switch a bug of the zoo on") func hostsHaveNoBugs() throws {
        let may = Self.core.union(["Simulation", "Laboratory", "Experiments"])
        for target in SourceTree.targets where !may.contains(target) {
            for file in try SourceTree.swiftFiles(of: target) {
                for (number, line) in file.codeLines
                where line.range(of: #"\.bug\b|\bBug[.(]"#, options: .regularExpression) != nil {
                    Issue.record("\(file.path):\(number) names a bug: \(line)")
                }
            }
        }
    }

    @Test("only EventLoop sees libuv, only RocksStore RocksDB, only Topology libyaml")
    func librariesStayAtTheEdge() throws {
        let owners = ["CUV": "EventLoop", "CRocksDB": "RocksStore", "CYAML": "Topology"]
        for target in SourceTree.targets {
            for file in try SourceTree.swiftFiles(of: target) {
                for name in file.imports {
                    guard let owner = owners[name] else { continue }
                    #expect(owner == target, "\(file.path) imports \(name)")
                }
            }
        }
    }
}
