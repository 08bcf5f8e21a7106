import Foundation
import UnrollBase
import UnrollCluster

/// Checks of processes that compute together, for `Tools/cluster/check-mpi`, which starts several of them.
///
///     GroupCheck messages             exchanges of all kinds, compared with what must arrive
///     GroupCheck speed                the time of short and of long messages between two processes
///     GroupCheck pause SECONDS        the last process computes for so long, and the others wait for it
///     GroupCheck code CODE            all exit with a code, after the end of the group
///     GroupCheck ending HOW RANK      one process ends in some way, while others wait or compute
///
/// Number 0 prints what was found, and the process that reports an error a line of it on standard error.
@main
enum GroupCheck {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let environment = ProcessInfo.processInfo.environment
        guard let launcher = Launcher.current(environment: environment) else {
            print("alone")
            return
        }
        func announce(_ library: MPILibrary) {
            guard launcher.rank == 0 else { return }
            print("\(launcher.name), \(library.version) (\(library.name)), \(launcher.size) processes")
            fflush(nil)
        }
        let group: MPIProcessGroup
        do {
            // A process that computes is not to wait for its next exchange.
            group = try MPIProcessGroup(launcher, environment: environment, found: announce) { error in
                leave(error, error.isReported(by: launcher.rank))
            }
        } catch {
            leave(error, launcher.reportsStart)
        }
        run(arguments, in: group)
    }

    private static func run(_ arguments: [String], in group: MPIProcessGroup) {
        do {
            try check(arguments, in: group)
            if group.rank == 0 { print("done") }
            fflush(nil)
            try group.close()
        } catch let error as ClusterError {
            leave(error, error.isReported(by: group.rank))
        } catch {
            group.end(because: "\(error)")
            leave(error, true)
        }
        if arguments.first == "code" { exit(Int32(arguments.last ?? "") ?? 0) }
    }

    private static func check(_ arguments: [String], in group: MPIProcessGroup) throws {
        switch arguments.first {
        case "messages": try Messages(group: group).check()
        case "speed": try Speed(group: group).measure()
        case "code": try group.barrier()
        case "pause":
            if group.rank == group.size - 1 {
                Thread.sleep(forTimeInterval: Double(arguments.last ?? "") ?? 0)
            }
            try group.barrier()
        case "ending":
            guard arguments.count == 3, let rank = Int(arguments[2]) else { throw Wrong("no rank to end") }
            try Ending(group: group, rank: rank).happen(arguments[1])
        default: throw Wrong("unknown check")
        }
    }

    /// Ends the process with a line, once, whichever thread is first.
    private static func leave(_ error: any Error, _ reports: Bool) -> Never {
        ending.lock()
        if reports { FileHandle.standardError.write(Data("GroupCheck: \(error)\n".utf8)) }
        exit(1)
    }

    private static let ending = NSLock()
}

/// What a check has found.
struct Wrong: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    static func unless(_ condition: Bool, _ what: @autoclosure () -> String) throws {
        if !condition { throw Wrong(what()) }
    }
}
