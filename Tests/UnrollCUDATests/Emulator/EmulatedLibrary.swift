import Foundation
import Synchronization
import UnrollCUDA

/// Kernels that have been compiled for the CPU.
final class EmulatedModule: KernelModule {
    /// What they were compiled to.
    let library: EmulatedLibrary

    /// The kernels of a library.
    init(library: EmulatedLibrary) {
        self.library = library
    }

    func kernel(_ name: String) throws(CUDAError) -> Kernel {
        guard let function = dlsym(UnsafeMutableRawPointer(library.handle), "emulated_\(name)") else {
            throw .driver(
                function: "cuModuleGetFunction", name: "CUDA_ERROR_NOT_FOUND",
                message: "\(library.name) have no kernel '\(name)'")
        }
        return Kernel(name: name, handle: OpaquePointer(function))
    }
}

/// A library of kernels, which stays loaded until the process ends.
struct EmulatedLibrary: @unchecked Sendable {
    /// The name of the source, for errors.
    let name: String
    /// As `dlopen` has it.
    let handle: OpaquePointer
    /// What the compiler warned of, "" if of nothing; empty too if the library was found compiled.
    let warnings: String

    /// What became of a launch.
    enum Outcome {
        case finished
        /// The arguments, the grid or the threads are not as the kernel has them; nothing ran.
        case refused(String)
        /// A deadlock, or a primitive that not all threads of a warp called.
        case failed(String)
    }

    /// A text is compiled once, also if several tests ask for it at the same time.
    private final class Entry: Sendable {
        let result = Mutex<Result<EmulatedLibrary, CUDAError>?>(nil)
    }
    private static let entries = Mutex<[KernelSource: Entry]>([:])

    /// Compiles a source, or finds it compiled.
    ///
    /// - Throws: `CUDAError.compilation`.
    static func shared(for source: KernelSource) throws(CUDAError) -> EmulatedLibrary {
        let entry = entries.withLock { entries in
            let entry = entries[source] ?? Entry()
            entries[source] = entry
            return entry
        }
        let result = entry.result.withLock { result in
            let new = result ?? Result { () throws(CUDAError) in try load(source) }
            result = new
            return new
        }
        return try result.get()
    }

    private static func load(_ source: KernelSource) throws(CUDAError) -> EmulatedLibrary {
        guard let compiler = EmulatorCompiler.shared else {
            throw .compilation(name: source.name, log: "there is no C++ compiler")
        }
        let (file, warnings) = try compiler.compile(source)
        guard let handle = dlopen(file.path, RTLD_NOW | RTLD_LOCAL) else {
            throw .compilation(name: source.name, log: String(cString: dlerror()))
        }
        return EmulatedLibrary(name: source.name, handle: OpaquePointer(handle), warnings: warnings)
    }

    /// `emulated_NAME` of `launches.hpp`, which gets an `EmulatedLaunch`.
    private typealias Function = @convention(c) (_ launch: UnsafeRawPointer) -> Int32
    /// `messageSize` of `blocks.hpp`.
    private static let messageSize = 512

    /// What runs the kernels before one that starts early, and whether that went well.
    private final class Earlier {
        let run: () -> Bool
        init(_ run: @escaping () -> Bool) { self.run = run }
    }

    /// Runs a kernel; other launches of the library wait meanwhile.
    ///
    /// - Parameters:
    ///   - kernel: The kernel.
    ///   - launch: What it is launched with.
    ///   - seed: From which orders are drawn.
    ///   - earlier: Runs the kernels before it, and returns whether that went well. It is called once, when the kernel waits
    ///     for them or earlier. Default: they have run.
    /// - Returns: What became of it.
    static func run(
        _ kernel: Kernel, _ launch: Launch, seed: UInt64, after earlier: (() -> Bool)? = nil
    ) -> Outcome {
        let function = unsafeBitCast(kernel.handle, to: Function.self)
        let arguments = launch.arguments.map(\.bits)
        let kinds = launch.arguments.map { argument in
            switch argument {
            case .address, .null: "p"
            case .int: "i"
            case .float: "f"
            }
        }
        let blocks = launch.isCooperative ? launch.blockCount : launch.clusterSize
        guard let stacks = FiberStacks.borrow(for: blocks * launch.threads) else {
            return .failed("there is no memory for stacks")
        }
        defer { stacks.giveBack() }
        let box = earlier.map(Earlier.init)
        defer { withExtendedLifetime(box) {} }
        var message = [CChar](repeating: 0, count: messageSize)
        let outcome = arguments.withUnsafeBufferPointer { arguments in
            kinds.joined().withCString { kinds in
                message.withUnsafeMutableBufferPointer { message in
                    var launch = EmulatedLaunch(
                        grid: (launch.grid.x, launch.grid.y, launch.grid.z),
                        threads: UInt32(clamping: launch.threads),
                        clusterSize: UInt32(clamping: launch.clusterSize),
                        sharedSize: UInt32(clamping: launch.sharedMemory),
                        isCooperative: launch.isCooperative ? 1 : 0, startsEarly: launch.startsEarly ? 1 : 0,
                        seed: seed, argumentCount: UInt64(arguments.count), arguments: arguments.baseAddress,
                        kinds: kinds, stacks: stacks.start, message: message.baseAddress,
                        runEarlier: box == nil
                            ? nil
                            : { context in
                                guard let context else { return 1 }
                                return Unmanaged<Earlier>.fromOpaque(context).takeUnretainedValue().run()
                                    ? 0 : 1
                            },
                        context: box.map { Unmanaged.passUnretained($0).toOpaque() })
                    return withUnsafePointer(to: &launch) { function($0) }
                }
            }
        }
        let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return switch outcome {
        case 0: .finished
        case 1: .refused(text)
        default: .failed(text)
        }
    }
}

/// `Launch` of `blocks.hpp`.
private struct EmulatedLaunch {
    let grid: (UInt32, UInt32, UInt32)
    let threads, clusterSize, sharedSize, isCooperative, startsEarly: UInt32
    let seed, argumentCount: UInt64
    let arguments: UnsafePointer<UInt64>?
    let kinds: UnsafePointer<CChar>
    let stacks: UnsafeMutableRawPointer
    let message: UnsafeMutablePointer<CChar>?
    let runEarlier: (@convention(c) (_ context: UnsafeMutableRawPointer?) -> Int32)?
    let context: UnsafeMutableRawPointer?
}

extension Launch {
    /// The blocks of its grid.
    var blockCount: Int { Int(grid.x) * Int(grid.y) * Int(grid.z) }
}
