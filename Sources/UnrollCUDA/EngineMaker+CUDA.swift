import Foundation
import Synchronization
import UnrollEngine
import UnrollKernels

extension EngineMaker {
    /// Engines for an NVIDIA GPU.
    ///
    /// The GPU is opened when the first engine is made, and all engines of this maker use it.
    ///
    /// - Parameter device: The number of the GPU, from 0. Default: 0.
    /// - Returns: What makes the engines; it throws as ``CUDAEngine`` does.
    public static func cuda(device: Int = 0) -> EngineMaker {
        let opened = OpenedDevice(index: device)
        return EngineMaker { configuration, parameters, settings in
            try CUDAEngine(
                configuration: configuration, parameters: parameters, precision: settings.precision,
                on: try opened.device())
        }
    }

    /// Engines for a device that is open.
    package static func cuda(on device: any Device) -> EngineMaker {
        EngineMaker { configuration, parameters, settings in
            try CUDAEngine(
                configuration: configuration, parameters: parameters, precision: settings.precision,
                on: device)
        }
    }
}

/// A GPU that is opened when it is first asked for.
private final class OpenedDevice: Sendable {
    private let index: Int
    private let opened = Mutex<(any Device)?>(nil)

    init(index: Int) {
        self.index = index
    }

    func device() throws(CUDAError) -> any Device {
        try opened.withLock { opened throws(CUDAError) in
            if let opened { return opened }
            let device = try DriverDevice.open(index: index)
            opened = device
            return device
        }
    }
}

extension CUDAEngine {
    /// Finds out whether an engine can be expected to work on a GPU, without claiming anything of it.
    ///
    /// - Parameters:
    ///   - device: The number of the GPU, from 0.
    ///   - precision: The number format of matrix-multiplication operands.
    ///   - environment: The environment variables. Default: those of this process.
    /// - Throws: `CUDAError`, the reason why the GPU cannot be used.
    package static func probe(
        device: Int, precision: Precision,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CUDAError) {
        try check(precision, on: try DriverDevice.probe(index: device, environment: environment))
    }
}
