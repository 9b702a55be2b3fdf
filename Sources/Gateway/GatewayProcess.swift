import EventLoop
import Glibc

/// A gateway as a process of its own: serves until it is told to stop.
package enum GatewayProcess {
    /// - Throws: when a port cannot be had.
    package static func run(
        _ configuration: GatewayConfiguration,
        diesWithParent: Bool
    ) throws(GatewayError) {
        raiseFileDescriptorLimit()
        do throws(LoopError) {
            let loop = try EventLoop()
            if diesWithParent { try loop.dieWithParent { loop.stop() } }
            try loop.onSignal(SIGTERM) { loop.stop() }
            try loop.onSignal(SIGINT) { loop.stop() }
            let gateway = Gateway(configuration, on: loop)
            try gateway.start()
            loop.run()
            gateway.stop()
        } catch {
            throw .cannotListen(error.description)
        }
    }
}
