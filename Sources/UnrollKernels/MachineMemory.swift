import Foundation

/// How much memory there is.
package enum MachineMemory {
    /// Bytes that this process may use: the machine's, or its container's where that is less.
    package static var bytes: Double {
        let physical = Double(ProcessInfo.processInfo.physicalMemory)
        let limit = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8)
        let container = limit.flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        return min(physical, container ?? physical)
    }
}
