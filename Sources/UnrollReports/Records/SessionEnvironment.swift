import Foundation
import UnrollKernels
import UnrollTraining

/// On what a part of a run, from its beginning or a resumption to the next interruption, was computed.
///
/// It says nothing about who or where: no name of a user or a host, no path.
package struct SessionEnvironment: Codable, Equatable, Sendable {
    /// When it began, in ISO 8601.
    package var started: String
    /// The program's version.
    package var unroll: String
    /// The compiler's version.
    package var swift: String
    package var operatingSystem: String
    package var processor: String
    package var logicalProcessors: Int
    /// What computed, with the level of its kernels.
    package var engine: String
    package var threads: Int

    /// Describes a session that begins now on this machine.
    init(programVersion: String, engine: String, choice: EngineKind) {
        started = Date.now.formatted(.iso8601)
        unroll = programVersion
        swift = Self.swiftVersion
        operatingSystem = ProcessInfo.processInfo.operatingSystemVersionString
        processor = Self.processorName
        logicalProcessors = ProcessInfo.processInfo.processorCount
        self.engine = engine
        threads =
            switch choice {
            case .cpu(let threads): threads ?? WorkerPool.processorCount
            case .reference: 1
            }
    }

    private static var swiftVersion: String {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    /// What the processor calls itself, or its architecture where it does not.
    private static var processorName: String {
        #if os(macOS)
            var size = 0
            sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
            var bytes = [UInt8](repeating: 0, count: size)
            sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
            let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #else
            let facts = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
            let line = facts?.split(separator: "\n").first { $0.hasPrefix("model name") }
            let name =
                line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces) ?? ""
        #endif
        return name.isEmpty ? architecture : name
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
