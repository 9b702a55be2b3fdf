import Consensus
import Primitives
import Testing

@Suite("What a host must not do, and what no peer can have sent, traps") struct ContractTests {
    @Test("a term has one leader")
    func oneLeader() async {
        await #expect(processExitsWith: .failure) {
            var host = Host()
            _ = host.hear(.append(1, after: (0, 0)), from: 2)
            _ = host.hear(.append(1, after: (0, 0)), from: 3)
        }
    }

    @Test("only what is applied may be compacted")
    func compactsApplied() async {
        await #expect(processExitsWith: .failure) {
            var host = Host()
            _ = host.hear(.append(1, after: (0, 0), [1, 1], commit: 1), from: 2)
            host.compact(through: LogIndex(2))
        }
    }

    @Test("nothing is applied that was not handed over")
    func appliesWhatIsDelivered() async {
        await #expect(processExitsWith: .failure) {
            var host = Host()
            host.replica.applied(through: LogIndex(1))
        }
    }
}
