/// Every command of `atoll`; help, the parser and the command table of the README come from here.
package enum CommandCatalog {
    package static let all: [CommandSpec] =
        lifecycle + observation + faults + files + processes

    private static let cluster = CommandSpec.Option(
        "--cluster",
        "NAME",
        "which cluster, when several run here (default: the only one)"
    )
    private static let json = CommandSpec.Option("--json", nil, "print JSON for programs")
    private static let duration = CommandSpec.Option(
        "--for",
        "DURATION",
        "heal by itself after this time, such as 30s"
    )
    private static let target = CommandSpec.Positional.required(
        "TARGET",
        "a region, a zone (us-east-1/a), a node, or \"all\""
    )
    private static let offset = CommandSpec.Option(
        "--port-offset",
        "N",
        "add N to every port of the topology"
    )

    private static let lifecycle: [CommandSpec] = [
        CommandSpec(
            "up",
            "start every node and the gateway, wait until each region serves",
            positionals: [
                .optional("TOPOLOGY", "a file, or a name under topologies/ (default three-regions)")
            ],
            options: [
                .init("--detach", nil, "run in the background and return once it serves"),
                .init("--fresh", nil, "delete the data of an earlier run first"),
                .init("--cluster", "NAME", "name of the cluster (default: the topology's)"),
                .init("--history", "FILE", "record every item operation, for \"atoll check\""),
                .init("--die-with-parent", nil, "stop when standard input closes"),
                offset,
            ],
            examples: [
                .init("atoll up", "three regions, nine nodes, in the foreground"),
                .init("atoll up two-small --detach", "a small cluster in the background"),
                .init("atoll up one-region --cluster b --port-offset 1000", "beside another"),
            ]
        ),
        CommandSpec(
            "down",
            "stop a cluster; its data stays for the next start",
            options: [cluster, .init("--all", nil, "every cluster of this directory")],
            examples: [.init("atoll down", "stop the running cluster")]
        ),
        CommandSpec(
            "version",
            "print the version",
            options: [json],
            examples: [.init("atoll version", "print the version")]
        ),
        CommandSpec(
            "operations",
            "every operation of DynamoDB, and what it does here",
            options: [.init("--markdown", nil, "as docs/OPERATIONS.md has it")],
            examples: [.init("atoll operations", "name, area, and whether it is here")]
        ),
    ]

    private static let observation: [CommandSpec] = [
        CommandSpec(
            "status",
            "regions, nodes, tables, leaders and faults right now",
            options: [
                .init("--partitions", nil, "also one line per partition and region"), cluster,
                json,
            ],
            examples: [
                .init("atoll status", "one screen about the cluster"),
                .init("atoll status --partitions", "who leads what"),
            ]
        ),
        CommandSpec(
            "lag",
            "replication lag and backlog per table, source and destination",
            options: [
                .init("--window", "DURATION", "what arrived in the last 10s or 60s (default 60s)"),
                .init("--indexes", nil, "from tables to their global indexes instead"), cluster,
                json,
            ],
            examples: [
                .init("atoll lag", "p50, p90, p99, max and what is still to come"),
                .init("atoll lag --indexes", "how far global indexes are behind"),
            ]
        ),
        CommandSpec(
            "conflicts",
            "writes that lost to another region's write",
            options: [
                .init("--limit", "N", "at most so many, newest first (default 50)"), cluster, json,
            ],
            examples: [.init("atoll conflicts --limit 10", "the latest ten decisions")]
        ),
        CommandSpec(
            "verify",
            "compare all regions, down to the keys that differ",
            positionals: [.optional("TABLE", "one table (default: all)")],
            options: [
                .init(
                    "--wait",
                    "DURATION",
                    "wait so long for empty backlogs and equal regions"
                ),
                cluster, json,
            ],
            examples: [
                .init("atoll verify", "compare every table now"),
                .init("atoll verify music --wait 30s", "give replication up to 30 s"),
            ]
        ),
    ]

    private static let faults: [CommandSpec] = [
        CommandSpec(
            "fault kill",
            "kill -9 a node, or all of a zone or region",
            positionals: [target],
            options: [
                .init("--for", "DURATION", "start it again after this time"), cluster, json,
            ],
            examples: [.init("atoll fault kill us-east-1-a --for 10s", "down for ten seconds")]
        ),
        CommandSpec(
            "fault pause",
            "stop a node's process in its tracks (SIGSTOP)",
            positionals: [target],
            options: [duration, cluster, json],
            examples: [.init("atoll fault pause eu-west-1 --for 20s", "a region that hangs")]
        ),
        CommandSpec(
            "fault restart",
            "kill a node and start it again",
            positionals: [target],
            options: [
                .init("--wipe", nil, "lose its disk: it comes back empty and is refilled"),
                cluster, json,
            ],
            examples: [.init("atoll fault restart us-east-1-b --wipe", "replace a node's disk")]
        ),
        CommandSpec(
            "fault partition",
            "cut the network between two targets",
            positionals: [
                .required("A", "a region, a zone or a node"),
                .required("B", "a region, a zone, a node, or \"rest\" for everything else"),
            ],
            options: [
                .init("--one-way", nil, "cut only what A sends to B"), duration, cluster, json,
            ],
            examples: [
                .init("atoll fault partition us-east-1 eu-west-1", "two regions lose each other"),
                .init("atoll fault partition us-east-1 rest --for 30s", "a region alone"),
            ]
        ),
        CommandSpec(
            "fault slow",
            "worsen the links between two targets, both ways",
            positionals: [
                .required("A", "a region, a zone or a node"),
                .required("B", "a region, a zone, a node, or \"rest\" for everything else"),
            ],
            options: [
                .init("--latency", "DURATION", "added one-way delay, such as 120ms"),
                .init("--jitter", "DURATION", "added at random, up to this"),
                .init("--loss", "PERCENT", "frames that need a retransmission, such as 2%"),
                .init("--bandwidth", "RATE", "at most this, such as 1Mbit"),
                .init("--one-way", nil, "only what A sends to B"), duration, cluster, json,
            ],
            examples: [
                .init("atoll fault slow us-east-1 eu-west-1 --latency 200ms", "a long detour"),
                .init("atoll fault slow eu-west-1 rest --loss 5% --for 1m", "a bad link"),
            ]
        ),
        CommandSpec(
            "fault clock",
            "set a node's wall clock wrong",
            positionals: [target],
            options: [
                .init("--offset", "DURATION", "ahead (+120ms) or behind (-120ms)"),
                .init("--drift", "PPM", "too fast (40ppm) or too slow (-40ppm)"), duration,
                cluster, json,
            ],
            examples: [.init("atoll fault clock eu-west-1 --offset -500ms", "a region behind")]
        ),
        CommandSpec(
            "fault pause-replication",
            "stop replication between two regions; changes queue",
            positionals: [
                .required("A", "a region"),
                .optional("B", "another region (default: all others)"),
            ],
            options: [
                .init("--one-way", nil, "only from A to B"), duration, cluster, json,
            ],
            examples: [
                .init("atoll fault pause-replication us-east-1", "nothing leaves or arrives")
            ]
        ),
        CommandSpec(
            "fault endpoint",
            "make a region's endpoint misbehave towards clients",
            positionals: [.required("REGION", "a region")],
            options: [
                .init("--refuse", nil, "refuse connections"),
                .init("--blackhole", nil, "accept and never answer"),
                .init("--error", "CODE", "answer this: a status (503) or a name"),
                .init("--latency", "DURATION", "delay each request"), duration, cluster, json,
            ],
            examples: [
                .init("atoll fault endpoint us-east-1 --blackhole --for 1m", "clients time out"),
                .init("atoll fault endpoint us-east-1 --error AccessDeniedException", "locked"),
            ]
        ),
        CommandSpec(
            "faults",
            "list the faults in force",
            options: [cluster, json],
            examples: [.init("atoll faults", "ids, ages, time left and effects")]
        ),
        CommandSpec(
            "heal",
            "undo one fault, or all, and prove it",
            positionals: [.optional("ID", "such as f1, from \"atoll faults\"")],
            options: [.init("--all", nil, "every fault"), cluster, json],
            examples: [
                .init("atoll heal f1", "undo one fault"),
                .init("atoll heal --all", "undo everything"),
            ]
        ),
    ]

    private static let files: [CommandSpec] = [
        CommandSpec(
            "topology check",
            "read a topology and report every error in it",
            positionals: [.required("TOPOLOGY", "a file, or a name under topologies/")],
            examples: [.init("atoll topology check three-regions", "ok, or every fault at once")]
        ),
        CommandSpec(
            "topology show",
            "print a topology with every default filled in",
            positionals: [.optional("TOPOLOGY", "a file, or a name (default three-regions)")],
            options: [json],
            examples: [.init("atoll topology show five-regions", "nodes, ports, round trips")]
        ),
    ]

    private static let processes: [CommandSpec] = [
        CommandSpec(
            "node",
            "run one replica node (\"atoll up\" starts these)",
            options: [
                .init("--topology", "FILE", "the topology; needed"),
                .init("--node", "NAME", "which of its nodes; needed"),
                .init("--data", "DIR", "where its data lives; needed"),
                .init("--bootstrap", nil, "first start of a new cluster"),
                .init("--cluster", "NAME", "the cluster's name (default atoll)"),
                .init("--apply-log", "FILE", "add a line for every version that is applied"),
                .init("--die-with-parent", nil, "end when standard input closes"), offset,
            ],
            examples: [
                .init(
                    "atoll node --topology t.yaml --node us-east-1-a --data /tmp/a --bootstrap",
                    "one node by hand"
                )
            ],
            isInternal: true
        ),
        CommandSpec(
            "gateway",
            "run the gateway (\"atoll up\" starts it)",
            options: [
                .init("--topology", "FILE", "the topology; needed"),
                .init("--history", "FILE", "record every item operation"),
                .init("--die-with-parent", nil, "end when standard input closes"), offset,
            ],
            examples: [.init("atoll gateway --topology t.yaml", "the gateway by hand")],
            isInternal: true
        ),
    ]
}
