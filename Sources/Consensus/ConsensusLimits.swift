package import Primitives

/// Every bound and interval of a replica, in one place.
package enum ConsensusLimits {
    // MARK: Time

    /// How often a host calls `tick` while a replica needs it.
    package static let tickInterval: Nanoseconds = .milliseconds(50)
    /// A leader that waits this long for a majority steps down; a voter that knows no leader waits
    /// this long before it campaigns.
    package static let electionTimeout: Nanoseconds = .milliseconds(500)
    /// After a leader is lost its voters campaign this far apart, in the order of their ranks.
    package static let campaignStagger: Nanoseconds = .milliseconds(100)
    /// A pre-vote that found no majority is repeated after this long, doubling up to the maximum.
    package static let preVoteRetryMin: Nanoseconds = .milliseconds(100)
    package static let preVoteRetryMax: Nanoseconds = .seconds(1)
    /// An unanswered append is repeated after this long, doubling up to the maximum.
    package static let appendRetryMin: Nanoseconds = .milliseconds(250)
    package static let appendRetryMax: Nanoseconds = .seconds(1)

    // MARK: Log

    /// What one entry weighs beyond its payload.
    package static let entryOverheadBytes = 32
    /// Larger proposals are refused.
    package static let payloadBytesMax = 8 << 20
    /// A leader refuses proposals while this much of its own term waits to be committed.
    package static let uncommittedBytesMax = 16 << 20
    package static let uncommittedEntriesMax = 16_384
    /// Beyond this the tail kept in memory drops what is applied, even if a follower still lacks
    /// it.
    package static let cacheBytesMax = 4 << 20
    /// An emptied tail keeps room for this many entries, and gives back more.
    package static let cacheCapacityIdleMax = 8

    // MARK: Messages

    /// An append message closes once it holds this much; one entry always fits.
    package static let appendBytesMax = 256 << 10
    package static let appendEntriesMax = 4_096
    /// Appends on their way to one follower.
    package static let inflightBytesMax = 4 << 20
    package static let inflightMessagesMax = 32
    /// Committed entries that one flush reads back from storage to hand over for application.
    package static let applyBytesMax = 1 << 20
    /// Positions that one search for a common prefix inspects before it settles for a guess.
    package static let hintScanMax = 128

    // MARK: Membership

    package static let membersMax = 32
    /// A learner may become a voter when it lacks no more than this many entries.
    package static let promotionLagMax = 64
}
