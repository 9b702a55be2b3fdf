package import Primitives

/// Measured round trips between AWS regions.
///
/// The data (`Data/aws-rtt.csv`) are medians and ninetieth percentiles over one year of TCP pings
/// between regions by cloudping.co, as committed on 2025-07-17 to
/// https://github.com/commonwarexyz/monorepo (examples/estimator, p50.json and p90.json). They hold
/// every ordered pair of 33 regions. The two directions of a pair differ only by noise, because
/// either one is a whole round trip; we take their mean, and half of it as the delay each way.
package enum RegionDistances {
    /// Sorted names of the regions that the data know.
    package static let regions: [String] = Self.table.regions

    /// The median round trip between two regions, or nil when the data lack one of them.
    package static func roundTrip(_ source: String, _ target: String) -> Nanoseconds? {
        guard let source = Self.table.regions.firstIndex(of: source),
            let target = Self.table.regions.firstIndex(of: target)
        else { return nil }
        guard source != target else { return 0 }
        return (Self.table.medians[source][target] + Self.table.medians[target][source]) / 2
    }

    private struct Table {
        var regions: [String]
        var medians: [[Nanoseconds]]
    }

    private static let table: Table = Self.parse(PackageResources.aws_rtt_csv)

    /// Lines of `from,to,p50,p90` in milliseconds, sorted by both names, after a heading.
    private static func parse(_ bytes: [UInt8]) -> Table {
        var table = Table(regions: [], medians: [])
        for line in bytes.split(separator: UInt8(ascii: "\n")).dropFirst() {
            let fields = line.split(separator: UInt8(ascii: ","))
            precondition(fields.count == 4, "aws-rtt.csv: four columns")
            let source = String(decoding: fields[0], as: UTF8.self)
            let text = String(decoding: fields[2], as: UTF8.self) + "ms"
            guard let median = try? Quantity.duration(text) else {
                preconditionFailure("aws-rtt.csv: a duration in milliseconds")
            }
            if table.regions.last != source {
                table.regions.append(source)
                table.medians.append([])
            }
            table.medians[table.medians.count - 1].append(median)
        }
        precondition(table.medians.allSatisfy { $0.count == table.regions.count })
        precondition(table.regions == table.regions.sorted())
        return table
    }
}
