import Foundation
import UnrollBase

/// A GPU of this machine.
public struct CUDADeviceInfo: Sendable, Hashable {
    /// The number by which it is asked for, from 0.
    public let index: Int
    /// The name, such as "NVIDIA H200".
    public let name: String
    /// The version of its instruction set, such as "9.0".
    public let computeCapability: String
    /// All of its memory in bytes.
    public let memory: Int

    /// Lists the GPUs that this process may use, whether this package can use them or not.
    ///
    /// - Parameter environment: The environment variables. Default: those of this process.
    /// - Returns: All of them, at least one.
    /// - Throws: `CUDAError.noDriver`, `.driverTooOld`, `.noDevice` or `.driver`.
    public static func all(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CUDAError) -> [CUDADeviceInfo] {
        let driver = try Driver(environment: environment)
        var devices: [CUDADeviceInfo] = []
        for index in 0..<(try driver.deviceCount()) {
            let properties = try driver.device(at: index).properties
            devices.append(
                CUDADeviceInfo(
                    index: index, name: properties.name,
                    computeCapability: properties.capability.description, memory: properties.memory))
        }
        return devices
    }
}
