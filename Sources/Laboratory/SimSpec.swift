package import Fleet

extension SimCommand {
    package static let spec = CommandSpec(
        "sim",
        "run whole clusters in virtual time, from seeds, with faults",
        positionals: [
            .optional("TOPOLOGY", "a file, or a name under topologies/ (default: drawn)")
        ],
        options: [
            .init("--seed", "N", "run this seed (default 1)"),
            .init("--seeds", "A..B", "run these seeds; stop at the first that is wrong"),
            .init("--jobs", "J", "in so many processes at once"),
            .init("--for", "DURATION", "virtual time under faults (default 1m)"),
            .init("--rate", "N", "operations per virtual second (default: drawn)"),
            .init("--reads", "PERCENT", "share of reads, half of them strong (default: drawn)"),
            .init("--shape", "RxN", "R equal regions of N nodes, instead of a topology"),
            .init("--faults", "LIST", "swarm (default), none, or kinds: crash,pause,…"),
            .init("--tables", "WHAT", "indexes and expiry: swarm (default, in some), plain, full"),
            .init("--keep-going", nil, "do not stop at a seed that is wrong"),
            .init("--check", "WHAT", "all (default), history (no invariants), none"),
            .init("--json", nil, "print an object for every seed, for programs"),
            .init("--trace", nil, "print a line for every event"),
            .init("--history", "FILE", "write what clients and replicas saw"),
            .init("--shrink", nil, "make a failing seed small, and draw it"),
            .init("--output", "FILE", "where --shrink writes (default seed-N.json)"),
            .init("--replay", "FILE", "run a scenario that --shrink wrote"),
            .init("--bug", "NAME", "with one of the zoo's bugs in the core"),
            .init("--zoo", nil, "find every bug of the zoo; say what caught it"),
            .init("--stride", "N", "run only every Nth of the seeds"),
            .init("--worker", nil, "print records for a parent process"),
        ],
        examples: [
            .init("atoll sim --seeds 1..100 --jobs 2", "a hundred clusters, two at a time"),
            .init("atoll sim three-regions --for 10m --rate 100", "a topology's own links"),
            .init("atoll sim --seed 17 --trace", "every event of one seed"),
            .init("atoll sim --seed 17 --faults crash,pause", "only these faults"),
            .init("atoll sim --seed 17 --shrink", "the smallest failure like it"),
            .init("atoll sim --zoo", "are seeded bugs found?"),
        ]
    )
}
