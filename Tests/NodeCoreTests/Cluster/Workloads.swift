import NodeCore
import Primitives

/// Clients that count one item up and read it back, and the bounds that any honest store keeps:
/// a strong read shows at least what was acknowledged before it began, and what strong reads saw
/// before it began, and nothing that was not asked for.
final class CounterClients {
    let cluster: Cluster
    let table: String
    let name: String
    /// Machines that clients are connected to.
    let targets: [Int]
    private(set) var asked = 0
    private(set) var acknowledged = 0
    private(set) var unknown = 0
    private(set) var reads = 0
    private var seen = 0
    private var isRunning = true
    private var random: SplitMix64
    /// When the last write was acknowledged.
    private(set) var acknowledgedAt: Instant = .zero

    init(_ cluster: Cluster, _ table: String, _ name: String, targets: [Int]) {
        self.cluster = cluster
        self.table = table
        self.name = name
        self.targets = targets
        self.random = SplitMix64(seed: cluster.plan.seed ^ 0xC0FFEE)
    }

    func start(writers: Int, readers: Int) {
        for _ in 0..<writers { self.write() }
        for _ in 0..<readers { self.read() }
    }

    func stop() { self.isRunning = false }

    private func target() -> Int {
        self.targets[Int(self.random.below(UInt64(self.targets.count)))]
    }

    private func again(_ next: @escaping () -> Void) {
        guard self.isRunning else { return }
        let pause = Nanoseconds.milliseconds(1) + self.random.below(.milliseconds(15))
        self.cluster.after(pause, next)
    }

    private func write() {
        guard self.isRunning else { return }
        self.asked += 1
        // A condition that holds whatever else happens: what was acknowledged is there.
        let least = self.acknowledged
        let key = Requests.key(self.name)
        let operation =
            least > 0
            ? Requests.add(self.table, key, least: least) : Requests.add(self.table, key)
        self.cluster.ask(operation, of: self.target()) { outcome in
            if outcome.isSuccess {
                self.acknowledged += 1
                self.acknowledgedAt = self.cluster.now
                self.saw(outcome.attributes?.value, least: least + 1, "a write")
            } else if outcome.error?.kind == .conditionalCheckFailed {
                self.cluster.complain("a condition failed on \(least) acknowledged writes")
            } else {
                self.unknown += 1
            }
            self.again { self.write() }
        }
    }

    private func read() {
        guard self.isRunning else { return }
        let least = max(self.acknowledged, self.seen)
        let operation = Requests.get(self.table, Requests.key(self.name))
        self.cluster.ask(operation, of: self.target()) { outcome in
            if case .getItem? = outcome.response {
                self.reads += 1
                self.saw(outcome.item?.value ?? 0, least: least, "a strong read")
            }
            self.again { self.read() }
        }
    }

    private func saw(_ value: Int?, least: Int, _ what: String) {
        guard let value else { return self.cluster.complain("\(what) showed nothing") }
        if value < least {
            self.cluster.complain("\(what) showed \(value) after \(least)")
        }
        if value > self.asked {
            self.cluster.complain("\(what) showed \(value) of \(self.asked)")
        }
        self.seen = max(self.seen, value)
    }

    /// Reads the final value at every target.
    func verify() {
        for target in self.targets where self.cluster.machines[target].isAlive {
            let outcome = self.cluster.insist(
                Requests.get(self.table, Requests.key(self.name)),
                of: target
            )
            self.saw(outcome.item?.value ?? 0, least: self.acknowledged, "the last read")
        }
        let most = self.acknowledged + self.unknown
        if self.seen > most {
            self.cluster.complain("\(self.seen) of at most \(most) writes are there")
        }
    }
}

/// Clients that each make an item, delete it and look that it is gone.
final class DeletingClients {
    let cluster: Cluster
    let table: String
    let targets: [Int]
    private(set) var deleted: [String] = []
    private var made = 0
    private var isRunning = true
    private var random: SplitMix64

    init(_ cluster: Cluster, _ table: String, targets: [Int]) {
        self.cluster = cluster
        self.table = table
        self.targets = targets
        self.random = SplitMix64(seed: cluster.plan.seed ^ 0xDE1E7E)
    }

    func start(_ count: Int) {
        for _ in 0..<count { self.make() }
    }

    func stop() { self.isRunning = false }

    private func target() -> Int {
        self.targets[Int(self.random.below(UInt64(self.targets.count)))]
    }

    private func make() {
        guard self.isRunning else { return }
        self.made += 1
        let name = "short-lived-\(self.made)"
        let item = Requests.item(name, value: 1)
        self.cluster.ask(Requests.put(self.table, item), of: self.target()) { outcome in
            guard outcome.isSuccess else { return self.again() }
            self.cluster.ask(
                Requests.delete(self.table, Requests.key(name)),
                of: self.target()
            ) { outcome in
                if outcome.isSuccess { self.deleted.append(name) }
                self.again()
            }
        }
    }

    private func again() {
        let pause = Nanoseconds.milliseconds(1) + self.random.below(.milliseconds(15))
        self.cluster.after(pause) { self.make() }
    }

    func verify() {
        for name in self.deleted {
            let target = self.target()
            let outcome = self.cluster.insist(
                Requests.get(self.table, Requests.key(name)),
                of: target
            )
            if outcome.item != nil { self.cluster.complain("\(name) was deleted and is there") }
        }
    }
}
