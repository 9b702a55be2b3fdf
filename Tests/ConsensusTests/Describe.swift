import Consensus
import Primitives

/// Effects and messages as the transcripts print them.
enum Describe {
    static func effect(_ effect: Effect, of source: Int) -> String {
        switch effect {
        case .truncate(let index): "\(source): truncate from \(index.value)"
        case .append(let entries): "\(source): append \(self.entries(entries))"
        case .setVote(let term, let votedFor):
            "\(source): term \(term.value) vote \(self.id(votedFor))"
        case .send(let peer, let message): "\(source) -> \(self.id(peer)) \(self.message(message))"
        case .apply(let entries): "\(source): apply \(self.entries(entries))"
        case .becameLeader(let term): "\(source): leader of term \(term.value)"
        case .becameFollower(let term, let leader):
            "\(source): follower of \(self.id(leader)) in term \(term.value)"
        case .configurationChanged: "\(source): configuration changed"
        case .snapshotNeeded(let peer): "\(source): snapshot needed for \(self.id(peer))"
        }
    }

    static func message(_ message: Message) -> String {
        switch message {
        case .append(let append):
            "append t\(append.term.value) after \(self.position(append.previous))"
                + " [\(self.entries(append.entries))] commit \(append.commit.value)"
                + (append.wantsResponse ? "" : " no answer")
        case .appendResponse(let response):
            switch response.outcome {
            case .matched(let index): "matched t\(response.term.value) \(index.value)"
            case .rejected(let previous, let hint):
                "rejected t\(response.term.value) after \(previous.value)"
                    + " hint \(self.position(hint))"
            }
        case .requestVote(let request):
            "\(request.isPreVote ? "pre-vote?" : "vote?") t\(request.term.value)"
                + " last \(self.position(request.last))" + (request.isTransfer ? " invited" : "")
        case .voteResponse(let response):
            (response.isPreVote ? "pre-vote" : "vote")
                + (response.isGranted ? " granted" : " refused")
                + " t\(response.term.value)"
        case .timeoutNow(let term): "timeout-now t\(term.value)"
        case .resigned(let term): "resigned t\(term.value)"
        }
    }

    static func entries(_ entries: [Entry]) -> String {
        entries.map(self.entry).joined(separator: " ")
    }

    static func entry(_ entry: Entry) -> String {
        let content =
            switch entry.kind {
            case .command: String(decoding: entry.payload, as: UTF8.self)
            case .noop: "noop"
            case .configuration: self.configuration(entry.payload)
            }
        return "\(self.position(entry.position)):\(content)"
    }

    private static func configuration(_ payload: [UInt8]) -> String {
        guard let members = try? Configuration(payload: payload) else { return "corrupt" }
        return self.members(members)
    }

    static func members(_ members: Configuration) -> String {
        let learners = members.learners.map { "+\(self.id($0))" }
        return "{" + (members.voters.map { self.id($0) } + learners).joined(separator: ",") + "}"
    }

    static func position(_ position: LogPosition) -> String {
        "\(position.index.value)/t\(position.term.value)"
    }

    static func id(_ id: ReplicaID?) -> String { id.map { "\($0.node.index)" } ?? "nobody" }
}
