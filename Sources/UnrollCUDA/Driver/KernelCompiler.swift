import Foundation
import UnrollBase

/// Compiles kernels for one architecture, and keeps what was compiled for the next process.
struct KernelCompiler: Sendable {
    let nvrtc: NVRTC
    /// Such as "sm_90".
    let architecture: String
    /// After how many seconds a kernel that waits for other blocks ends with an error; never if nil, which is faster.
    let watchdog: Double?
    let cache: CubinCache

    // Arithmetic is that of IEEE 754. Every function is marked as one of the GPU, so that none has to be taken for one.
    // There is no warning (177) of functions that are not used, as few kernels use all primitives.
    private var options: [String] {
        ["-arch=\(architecture)", "-std=c++17", "-diag-suppress=177"]
            + (watchdog.map { ["-DWATCHDOG=\(UInt64(1e9 * $0))ull"] } ?? [])
    }

    /// The watchdog that `UNROLL_CUDA_WATCHDOG` asks for, if it does.
    ///
    /// - Throws: `CUDAError.invalidWatchdog`: who asked for one must not be without it.
    static func watchdog(in environment: [String: String]) throws(CUDAError) -> Double? {
        guard let text = environment["UNROLL_CUDA_WATCHDOG"] else { return nil }
        guard let seconds = Double(text), (0.001...3600).contains(seconds) else {
            throw .invalidWatchdog(text)
        }
        return seconds
    }

    /// The kernels as they were compiled before; nil if they were not.
    func cachedCubin(for source: KernelSource) -> [UInt8]? {
        cache.cubin(key(of: source))
    }

    /// Compiles kernels, and puts them into the cache.
    ///
    /// - Throws: `CUDAError.compilation`.
    func compile(_ source: KernelSource) throws(CUDAError) -> [UInt8] {
        let cubin = try nvrtc.compile(source.completeText, name: source.name, options: options)
        cache.store(cubin, key(of: source))
        return cubin
    }

    private func key(of source: KernelSource) -> String {
        let facts = ["NVRTC \(nvrtc.version)"] + options + [source.completeText]
        return Checksum.sha256(Data(facts.joined(separator: "\n").utf8))
    }
}

extension KernelSource {
    /// The primitives and then the kernels, whose lines count from 1 in errors.
    package var completeText: String {
        let primitives = PackageResources.prelude_cuh + PackageResources.exchange_cuh
        return String(decoding: primitives, as: UTF8.self) + "#line 1 \"kernels\"\n" + text
    }
}

/// Compiled kernels of earlier processes: `kernels` in the user's cache.
///
/// A file is a cubin and the digest of its bytes, since the driver is not told how many they are: of a file that was cut
/// off, it would read more than there is. A cache that cannot be read or written is as good as an empty one.
struct CubinCache: Sendable {
    private let folder: URL

    /// Hexadecimal digits of SHA-256.
    private static let digestSize = 64

    init(environment: [String: String]) {
        folder = CacheFolder.url(in: environment).appending(path: "kernels", directoryHint: .isDirectory)
    }

    /// A cubin; nil if there is none, or its file cannot be read or is damaged.
    func cubin(_ key: String) -> [UInt8]? {
        guard let contents = try? FileSystem.contents(of: file(key)), contents.count > Self.digestSize else {
            return nil
        }
        let cubin = contents.dropLast(Self.digestSize)
        guard Data(Checksum.sha256(cubin).utf8) == contents.suffix(Self.digestSize) else { return nil }
        return [UInt8](cubin)
    }

    /// Writes a file if possible.
    func store(_ cubin: [UInt8], _ key: String) {
        try? FileSystem.createFolders(folder)
        try? AtomicFile.write(Data(cubin) + Data(Checksum.sha256(Data(cubin)).utf8), to: file(key))
    }

    private func file(_ key: String) -> URL {
        folder.appending(path: "\(key).cubin", directoryHint: .notDirectory)
    }
}
