import Foundation
import Testing
import Topology

/// The manual and the comments in shipped files, held against the reader.
@Suite("topology documents")
struct TopologyDocumentTests {
    private static let manual =
        URL(filePath: shippedFolder).deletingLastPathComponent().appending(path: "docs/TOPOLOGY.md")

    private func blocks(_ language: String, in text: String) -> [String] {
        text.components(separatedBy: "\n```\(language)\n").dropFirst().map {
            $0.components(separatedBy: "\n```")[0]
        }
    }

    @Test("every example of the manual is a valid topology")
    func examples() throws {
        let text = try String(contentsOf: Self.manual, encoding: .utf8)
        let examples = self.blocks("yaml", in: text)
        #expect(examples.count == 2)
        for example in examples { _ = try read(example) }
        let everything = try read(examples[1])
        #expect(everything.nodes.count == 12)
        #expect(everything.node(named: "eu-west-1-b2")?.clock.driftPPM == 40)
    }

    @Test("every key is in the manual, and in its full example")
    func keys() throws {
        let text = try String(contentsOf: Self.manual, encoding: .utf8)
        let example = try #require(self.blocks("yaml", in: text).last)
        for key in Topology.documentedKeys {
            #expect(text.contains("| `\(key)` |"), "\(key)")
            #expect(example.contains("\(key):"), "\(key)")
        }
    }

    @Test("the faults that the manual shows are those that are printed")
    func faults() throws {
        let text = try String(contentsOf: Self.manual, encoding: .utf8)
        let shown = try #require(self.blocks("", in: text).first { $0.contains("2 faults") })
        do throws(TopologyError) {
            _ = try read(
                "regions: [us-east-1]\nnetwork:\n  latncy: aws\n  jitter: 5\n",
                path: "mine.yaml"
            )
            Issue.record("the example is valid")
        } catch {
            #expect(error.description + "\n2 faults" == shown)
        }
    }

    @Test("settings that are commented out in the default topology work when they are not")
    func comments() throws {
        let path = shippedFolder + "/three-regions.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let setting =
            /^( *)# ( *(- )?[a-z0-9-]+: .*|[a-z0-9-]+:( *#.*)?| *[a-z-]+: *(#.*)?| *- .*)$/
        var count = 0
        let uncommented = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            line in
            guard let match = line.wholeMatch(of: setting) else { return String(line) }
            count += 1
            return String(match.1) + String(match.2)
        }
        #expect(count == 22)
        let topology = try read(uncommented.joined(separator: "\n"), path: path)
        #expect(topology.regions.count == 4)
        #expect(topology.nodes.count == 15)
    }
}
