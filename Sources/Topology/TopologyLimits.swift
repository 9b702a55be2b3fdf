import Placement
package import Primitives

/// Every bound of a topology and of the file it is read from, in one place.
package enum TopologyLimits {
    // MARK: The file

    package static let fileBytesMax = 1 << 20
    /// Levels of lists and mappings inside one another; a topology needs five.
    package static let depthMax = 12
    package static let yamlNodesMax = 20_000
    /// Faults reported at once; a file with more is better begun anew.
    package static let faultsMax = 50

    // MARK: The cluster

    package static let regionsMax = 32
    package static let zonesPerRegionMax = 16
    package static let nodesPerRegionMax = 64
    package static let nodesMax = 256
    package static let replicationFactorMax = PlacementLimits.replicasMax
    package static let partitionsPerTableMax = 256
    package static let clusterNameBytesMax = 40
    package static let regionNameBytesMax = 32
    package static let zoneNameBytesMax = 8

    // MARK: Tables

    package static let controlPlaneDelayMax: Nanoseconds = .seconds(3_600)
    package static let expiryPeriods: ClosedRange<Nanoseconds> =
        .milliseconds(100)...(.seconds(86_400))
    package static let collectionBytes: ClosedRange<Int> = 1_024...(10 << 30)

    // MARK: Links and clocks

    package static let latencyMax: Nanoseconds = .seconds(60)
    package static let roundTripMax: Nanoseconds = .seconds(120)
    package static let lossPerMillionMax: UInt32 = 900_000
    /// Bytes a second: 1 kbit/s to 1 Tbit/s.
    package static let bandwidthRange: ClosedRange<UInt64> = 125...125_000_000_000
    package static let clockOffsetMax: Nanoseconds = .seconds(7 * 86_400)
    package static let driftPPMMax: Int32 = 100_000

    // MARK: Ports

    package static let ports: ClosedRange<Int> = 1_024...65_535
}
