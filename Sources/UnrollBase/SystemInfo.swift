import Foundation

/// What this process runs on.
package enum SystemInfo {
    /// The memory in bytes that this process may use: the machine's, or its container's where that is less.
    package static var memory: Double {
        let physical = Double(ProcessInfo.processInfo.physicalMemory)
        let limit = try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8)
        let container = limit.flatMap { Double($0.prefix { $0.isNumber }) }
        return min(physical, container ?? physical)
    }

    /// The processor's name for itself, or the name of its architecture where it has none.
    package static var processorName: String {
        #if os(macOS)
            var size = 0
            sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
            var bytes = [UInt8](repeating: 0, count: size)
            sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
            let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #else
            let facts = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
            let line = facts?.split(separator: "\n").first { $0.hasPrefix("model name") }
            let value = line?.split(separator: ":", maxSplits: 1).last?.drop { $0 == " " || $0 == "\t" }
            let name = value.map(String.init) ?? ""
        #endif
        return name.isEmpty ? architecture : name
    }

    /// The machine's name for itself; empty if it has none.
    package static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static var architecture: String {
        #if arch(x86_64)
            "x86-64"
        #elseif arch(arm64)
            "ARM64"
        #else
            "unknown"
        #endif
    }
}
