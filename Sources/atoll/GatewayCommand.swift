import Fleet
import Gateway
import Primitives
import Topology

/// `atoll gateway`: the endpoints of all regions, until it is told to stop.
enum GatewayCommand {
    static func run(_ command: ParsedCommand, _ console: Console) throws(UsageError) -> Int32 {
        let file = try command.required("--topology")
        let offset = try command.portOffset()
        do throws(TopologyError) {
            // A cluster keeps its topology's file in a folder of the cluster's name.
            let folder = file.split(separator: "/").dropLast().last.map { String($0) }
            let topology = try Topology.load(nameOrPath: file, defaultName: folder)
            guard let ports = ClusterPorts(topology, offset: offset) else {
                console.error(
                    "with --port-offset \(offset) some ports leave 1024 to 65535",
                    hint: "atoll topology show lists the ports."
                )
                return ExitCode.failed
            }
            var configuration = self.configuration(topology, ports)
            configuration.history = command.value("--history").map { file in
                HistorySettings(
                    file: file,
                    topology: topology.name,
                    regions: topology.regions.map(\.name)
                )
            }
            return self.serve(configuration, command, console)
        } catch {
            console.error(error.description, hint: "Check a file: atoll topology check FILE")
            return ExitCode.failed
        }
    }

    private static func serve(
        _ configuration: GatewayConfiguration,
        _ command: ParsedCommand,
        _ console: Console
    ) -> Int32 {
        do throws(GatewayError) {
            try GatewayProcess.run(configuration, diesWithParent: command.has("--die-with-parent"))
            return ExitCode.done
        } catch {
            console.error(error.message, hint: "Other ports: --port-offset 1000")
            return ExitCode.failed
        }
    }

    /// The default region first, which also answers unsigned requests.
    private static func configuration(
        _ topology: Topology,
        _ ports: ClusterPorts
    ) -> GatewayConfiguration {
        let others = topology.regions.filter { $0.id != topology.defaultRegion }
        let regions = [topology.region(topology.defaultRegion)] + others
        return GatewayConfiguration(
            port: ports.gateway,
            regions: regions.map { region in
                GatewayConfiguration.Region(
                    name: region.name,
                    port: ports.regions[Int(region.id.rank)],
                    nodes: region.nodes.map { id in
                        GatewayConfiguration.Node(
                            name: topology.node(id).name,
                            port: ports.clients[Int(id.index)]
                        )
                    }
                )
            }
        )
    }
}
