import Fleet
import Primitives
import Testing
import Wire

@Suite("Lag of a region is merged from its nodes' counts") struct LagReportTests {
    private func answer(_ histogram: JSONValue, count: Int, max: Int) -> JSONValue {
        [
            "inbound": [
                [
                    "table": "t", "source": "a", "destination": "b", "window": 60,
                    "count": .integer(count), "maxUs": .integer(max), "histogram": histogram,
                ]
            ],
            "outbound": [
                [
                    "table": "t", "source": "b", "destination": "a", "backlogChanges": 3,
                    "backlogBytes": 100, "watermarkAgeUs": .integer(max),
                ]
            ],
        ]
    }

    @Test("counts and backlogs add up, maxima and ages take the greater")
    func merge() {
        var report = LagReport()
        report.add(self.answer([[10, 1], [20, 1]], count: 2, max: 7))
        report.add(self.answer([[20, 5], [3, 2]], count: 7, max: 5))
        let route = LagReport.Route(table: "t", source: "a", destination: "b")
        let back = LagReport.Route(table: "t", source: "b", destination: "a")
        #expect(report.routes == [route, back])
        #expect(report.windows[route]?.map(\.count) == [9])
        #expect(report.windows[route]?.map(\.max) == [7])
        #expect(report.backlogs[back]?.changes == 6)
        #expect(report.backlogs[back]?.watermarkAge == 7)
        #expect(report.backlogChanges() == 6)
        #expect(report.backlogChanges(of: "other") == 0)
    }

    @Test("merging is independent of the order and of how counts are spread over nodes")
    func histogramMerge() {
        let pieces: [LagHistogram] = [[[5, 1], [900, 2]], [[900, 1], [6, 4]], [[1, 1]]].map {
            LagHistogram(json: $0)
        }
        var forward = LagHistogram()
        var backward = LagHistogram()
        for piece in pieces { forward.merge(piece) }
        for piece in pieces.reversed() { backward.merge(piece) }
        #expect(forward == backward)
        #expect(forward == LagHistogram(json: [[1, 1], [5, 1], [6, 4], [900, 3]]))
        #expect(forward.total == 9)
    }

    @Test("quantiles take the bucket in which the rank falls")
    func quantiles() {
        let histogram = LagHistogram(json: [[10, 50], [20, 40], [100, 10]])
        #expect(histogram.quantile(perMille: 500) == 10)
        #expect(histogram.quantile(perMille: 501) == 20)
        #expect(histogram.quantile(perMille: 900) == 20)
        #expect(histogram.quantile(perMille: 990) == 100)
        #expect(LagHistogram().quantile(perMille: 500) == nil)
    }

    @Test(
        "a bucket's middle lies within 1 % of every value that falls into it",
        arguments: [
            127, 128, 1_000, 70_000_000, 3_600_000_000_000,
        ]
    )
    func buckets(value: UInt64) throws {
        let bucket = LogLinearBuckets.bucket(of: value)
        let histogram = LagHistogram(json: [[.integer(bucket), 1]])
        let middle = try #require(histogram.quantile(perMille: 500))
        #expect(abs(Double(middle) - Double(value)) <= Double(value) * 0.01)
    }

    @Test("nonsense in an answer is left out")
    func nonsense() {
        var report = LagReport()
        report.add(["inbound": [["table": "t"], 5], "outbound": "x"])
        report.add(.null)
        #expect(report.routes.isEmpty)
        #expect(LagHistogram(json: [[1], ["a", 2], [-4, 1], [2, 3]]).total == 3)
    }
}

@Suite("Conflicts that several regions decided are one entry") struct ConflictReportTests {
    private func conflict(_ region: String, key: String, at: Int) -> JSONValue {
        [
            "table": "t", "key": ["pk": ["S": .string(key)]], "decidedIn": .string(region),
            "winner": ["time": "2", "region": "a"], "loser": ["time": "1", "region": "b"],
            "relation": "concurrent", "decidedAtNs": .integer(at),
        ]
    }

    @Test("equal winner and loser merge and list their regions, the latest decision first")
    func dedupe() {
        var report = ConflictReport()
        report.add(["conflicts": [self.conflict("b", key: "x", at: 1)]])
        report.add([
            "conflicts": [self.conflict("a", key: "x", at: 3), self.conflict("a", key: "y", at: 9)]
        ])
        report.add(["conflicts": [self.conflict("a", key: "x", at: 3)]])
        let json = report.json(limit: 10)
        #expect(json["total"]?.int == 2)
        let entries = json["conflicts"]?.array ?? []
        #expect(entries.map { $0["key"]?["pk"]?["S"]?.string } == ["y", "x"])
        #expect(entries.last?["decidedIn"] == ["a", "b"])
        #expect(report.json(limit: 1)["conflicts"]?.array?.count == 1)
    }
}

@Suite("Regions are compared by digests, then key by key") struct DigestComparisonTests {
    private func region(_ name: String, _ digests: [String?]) -> RegionDigests {
        RegionDigests(
            region: name,
            partitions: digests.enumerated().compactMap { index, digest in
                digest.map {
                    PartitionDigest(
                        index: index,
                        digest: $0,
                        buckets: ["same", $0, "same"],
                        items: 1,
                        bytes: 1
                    )
                }
            }
        )
    }

    @Test("equal digests need no drilling down")
    func equal() {
        let comparison = DigestComparison([
            self.region("a", ["1", "2"]), self.region("b", ["1", "2"]),
        ])
        #expect(comparison.areEqual)
        #expect(comparison.partitions == 2)
    }

    @Test("a difference names its partition and bucket")
    func different() {
        let comparison = DigestComparison([
            self.region("a", ["1", "2"]), self.region("b", ["1", "9"]),
            self.region("c", ["1", "2"]),
        ])
        #expect(!comparison.areEqual)
        #expect(comparison.differing == [BucketID(partition: 1, bucket: 1)])
    }

    @Test("a partition without a leader's answer is not called equal")
    func unanswered() {
        let comparison = DigestComparison([
            self.region("a", ["1", "2"]), self.region("b", ["1", nil]),
        ])
        #expect(!comparison.areEqual)
        #expect(comparison.unanswered == ["b": [1]])
        #expect(!DigestComparison([self.region("a", []), self.region("b", [])]).areEqual)
    }

    @Test("only keys whose stamp, hash or presence differ are listed, by key")
    func keys() {
        let same = KeyState(key: "s", stamp: "1", hash: "h")
        let old = KeyState(key: "k", stamp: "1", hash: "h")
        let new = KeyState(key: "k", stamp: "2", hash: "i")
        let alone = KeyState(key: "a", stamp: "5", hash: "j")
        let differences = KeyDifference.all([
            ("x", [same, old]), ("y", [new, same, alone]), ("z", [same, new]),
        ])
        #expect(differences.map(\.key) == ["a", "k"])
        #expect(differences[0].states.map(\.state) == [nil, alone, nil])
        #expect(differences[1].states.map(\.state) == [old, new, new])
    }
}
