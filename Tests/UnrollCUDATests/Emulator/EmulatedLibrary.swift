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

    /// `emulated_NAME` of `launches.hpp`.
    private typealias Function =
        @convention(c) (
            _ grid: UnsafePointer<UInt32>, _ threads: UInt32, _ seed: UInt64, _ argumentCount: UInt64,
            _ arguments: UnsafePointer<UInt64>, _ kinds: UnsafePointer<CChar>,
            _ stacks: UnsafeMutableRawPointer, _ message: UnsafeMutablePointer<CChar>
        ) -> Int32
    /// `messageSize` of `blocks.hpp`.
    private static let messageSize = 256

    /// Runs a kernel; other launches of the library wait meanwhile.
    static func run(_ kernel: Kernel, _ launch: Launch, seed: UInt64) -> Outcome {
        let function = unsafeBitCast(kernel.handle, to: Function.self)
        let arguments = launch.arguments.map(\.bits)
        let kinds = launch.arguments.map { argument in
            switch argument {
            case .address, .null: "p"
            case .int: "i"
            case .float: "f"
            }
        }
        let grid = [launch.grid.x, launch.grid.y, launch.grid.z]
        var message = [CChar](repeating: 0, count: messageSize)
        guard let stacks = FiberStacks.borrow() else { return .failed("there is no memory for stacks") }
        defer { FiberStacks.giveBack(stacks) }
        let outcome = function(
            grid, UInt32(clamping: launch.threads), seed, UInt64(arguments.count), arguments,
            kinds.joined(), stacks, &message)
        let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return switch outcome {
        case 0: .finished
        case 1: .refused(text)
        default: .failed(text)
        }
    }
}
