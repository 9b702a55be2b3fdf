// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

/// A Swift target with the settings that every target of this package shares.
func module(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil)
    -> Target
{
    .target(
        name: name,
        dependencies: dependencies,
        resources: resources,
        swiftSettings: settings
    )
}

/// The tests of one target; `fixtures` are folders that tests read by path.
func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: [String] = []) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        exclude: fixtures,
        swiftSettings: settings
    )
}

let package = Package(
    name: "atoll",
    products: [.executable(name: "atoll", targets: ["atoll"])],
    targets: [
        // C libraries, from Debian's packages.
        .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(name: "CRocksDB", providers: [.apt(["librocksdb-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        // The core: no I/O, no clock, no threads, no Foundation.
        module("Primitives"),
        module("DataModel", ["Primitives"]),
        module("Expressions", ["Primitives", "DataModel"]),
        module("Placement", ["Primitives"]),
        module("Consensus", ["Primitives"]),
        module("Replication", ["Primitives"]),
        module("Tables", ["Primitives", "DataModel", "Expressions", "Replication"]),
        module(
            "NodeCore",
            [
                "Primitives", "DataModel", "Expressions", "Placement", "Consensus", "Replication",
                "Tables",
            ]
        ),
        module("Wire", ["Primitives", "DataModel", "Expressions", "NodeCore", "Replication"]),

        // Histories and their judges: nothing of the core.
        module("History"),
        module("Checkers", ["History"]),

        // A cluster in one process, under virtual time: no I/O, no clock, no threads either.
        module(
            "Simulation",
            [
                "Primitives", "DataModel", "Consensus", "Replication", "Tables", "NodeCore",
                "Wire", "History", "Checkers",
            ]
        ),

        // Scenarios, written once for simulated and for real clusters.
        module("Experiments", ["Primitives", "DataModel", "NodeCore", "Simulation"]),

        // The I/O edge and the hosts.
        module("EventLoop", ["CUV"]),
        module("RocksStore", ["CRocksDB", "Primitives", "Tables"]),
        module("Compression", ["CZlib", "Wire"]),
        module(
            "Topology",
            ["CYAML", "Primitives", "Placement"],
            resources: [.embedInCode("Data/aws-rtt.csv")]
        ),
        module(
            "NodeHost",
            [
                "Primitives", "DataModel", "NodeCore", "Tables", "Wire", "EventLoop", "RocksStore",
                "Topology", "Replication", "History", "Compression",
            ]
        ),
        module(
            "Gateway",
            ["DataModel", "NodeCore", "EventLoop", "Wire", "Compression", "History"]
        ),
        module("Fleet", ["Primitives", "EventLoop", "Wire", "Topology"]),

        // Commands that judge, simulate and compare.
        module(
            "Laboratory",
            [
                "Primitives", "History", "Checkers", "Simulation", "Experiments", "EventLoop",
                "Wire", "Topology", "Fleet",
            ]
        ),
        .executableTarget(
            name: "atoll",
            dependencies: [
                "NodeHost", "Gateway", "Fleet", "Laboratory", "Topology", "Primitives", "Wire",
            ],
            swiftSettings: settings
        ),

        tests("PrimitivesTests", ["Primitives"]),
        tests("EventLoopTests", ["EventLoop"]),
        tests("RocksStoreTests", ["RocksStore", "Tables", "Primitives"]),
        tests("DataModelTests", ["DataModel", "Primitives"]),
        tests("ExpressionsTests", ["Expressions", "DataModel", "Primitives"]),
        tests("ConsensusTests", ["Consensus", "Primitives"], fixtures: ["Scripts"]),
        tests("ReplicationTests", ["Replication", "Primitives"]),
        tests(
            "TablesTests",
            ["Tables", "Replication", "Expressions", "DataModel", "Primitives"]
        ),
        tests(
            "NodeCoreTests",
            [
                "NodeCore", "Tables", "Replication", "Consensus", "Placement", "Expressions",
                "DataModel", "Primitives",
            ]
        ),
        tests("PlacementTests", ["Placement", "Primitives"]),
        tests("TopologyTests", ["Topology", "Placement", "Primitives"]),
        tests("WireTests", ["Wire", "NodeCore", "DataModel", "Primitives", "Replication"]),
        tests("TidyTests", []),
        tests("SimulationTests", ["Simulation", "Primitives", "Wire"]),
        tests("CompressionTests", ["Compression", "Wire", "Primitives"]),
        tests("HistoryTests", ["History", "Primitives"]),
        tests("CheckersTests", ["Checkers", "History", "Primitives"]),
        tests("LaboratoryTests", ["Laboratory", "Fleet", "Checkers", "History", "Wire"]),
        tests(
            "GatewayTests",
            ["Gateway", "EventLoop", "Wire", "NodeCore", "DataModel", "Compression", "History"]
        ),
        tests(
            "NodeHostTests",
            ["NodeHost", "NodeCore", "EventLoop", "Wire", "Topology", "Primitives"]
        ),
        tests("ExperimentsTests", ["Experiments", "Simulation", "Primitives"]),
        tests(
            "FleetTests",
            ["Fleet", "EventLoop", "Wire", "Primitives"]
        ),
    ]
)
