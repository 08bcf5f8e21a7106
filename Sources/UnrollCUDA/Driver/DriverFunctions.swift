import UnrollBase

/// The functions of the CUDA driver that this package calls.
///
/// Their types are written by hand, as there is no header of CUDA when this is compiled. Names are those of CUDA's
/// documentation; the symbols are those that its headers have them stand for, since a plain name may be that of an older
/// function.
package struct DriverFunctions: Sendable {
    /// `CUresult`: 0 for success.
    package typealias Result = Int32
    /// `CUdevice`.
    package typealias DeviceNumber = Int32
    /// `CUdeviceptr`.
    package typealias Address = UInt64
    /// `CUcontext`, `CUmodule`, `CUfunction`, `CUstream`, `CUgraph` and `CUgraphExec`: pointers to what the driver has.
    package typealias Handle = OpaquePointer

    let cuDriverGetVersion: @convention(c) @Sendable (UnsafeMutablePointer<Int32>) -> Result
    let cuInit: @convention(c) @Sendable (UInt32) -> Result
    let cuGetErrorName:
        @convention(c) @Sendable (
            Result, UnsafeMutablePointer<UnsafePointer<CChar>?>
        ) -> Result
    let cuGetErrorString:
        @convention(c) @Sendable (
            Result, UnsafeMutablePointer<UnsafePointer<CChar>?>
        ) -> Result

    let cuDeviceGetCount: @convention(c) @Sendable (UnsafeMutablePointer<Int32>) -> Result
    let cuDeviceGet: @convention(c) @Sendable (UnsafeMutablePointer<DeviceNumber>, Int32) -> Result
    let cuDeviceGetName: @convention(c) @Sendable (UnsafeMutablePointer<CChar>, Int32, DeviceNumber) -> Result
    let cuDeviceGetAttribute:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Int32>, Int32, DeviceNumber
        ) -> Result
    let cuDeviceTotalMem: @convention(c) @Sendable (UnsafeMutablePointer<Int>, DeviceNumber) -> Result

    // To 16 bytes.
    let cuDeviceGetUuid: @convention(c) @Sendable (UnsafeMutableRawPointer, DeviceNumber) -> Result

    let cuDevicePrimaryCtxRetain:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Handle?>, DeviceNumber
        ) -> Result
    let cuDevicePrimaryCtxRelease: @convention(c) @Sendable (DeviceNumber) -> Result
    let cuCtxSetCurrent: @convention(c) @Sendable (Handle?) -> Result
    let cuCtxSynchronize: @convention(c) @Sendable () -> Result

    let cuMemGetInfo:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>
        ) -> Result
    let cuMemAlloc: @convention(c) @Sendable (UnsafeMutablePointer<Address>, Int) -> Result
    let cuMemFree: @convention(c) @Sendable (Address) -> Result
    let cuMemHostAlloc:
        @convention(c) @Sendable (UnsafeMutablePointer<UnsafeMutableRawPointer?>, Int, UInt32) -> Result
    let cuMemFreeHost: @convention(c) @Sendable (UnsafeMutableRawPointer?) -> Result
    let cuMemcpyHtoDAsync: @convention(c) @Sendable (Address, UnsafeRawPointer?, Int, Handle?) -> Result
    let cuMemcpyDtoHAsync:
        @convention(c) @Sendable (
            UnsafeMutableRawPointer?, Address, Int, Handle?
        ) -> Result
    let cuMemsetD32Async: @convention(c) @Sendable (Address, UInt32, Int, Handle?) -> Result

    let cuModuleLoadData:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Handle?>, UnsafeRawPointer?
        ) -> Result
    let cuModuleUnload: @convention(c) @Sendable (Handle?) -> Result
    let cuModuleGetFunction:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Handle?>, Handle?, UnsafePointer<CChar>
        ) -> Result
    let cuLaunchKernel:
        @convention(c) @Sendable (
            Handle?, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, Handle?,
            UnsafePointer<UnsafeMutableRawPointer?>?, UnsafePointer<UnsafeMutableRawPointer?>?
        ) -> Result
    let cuFuncGetAttribute: @convention(c) @Sendable (UnsafeMutablePointer<Int32>, Int32, Handle?) -> Result
    let cuFuncSetAttribute: @convention(c) @Sendable (Handle?, Int32, Int32) -> Result
    // Raw pointers to a `LaunchConfiguration`, which C does not know.
    let cuLaunchKernelEx:
        @convention(c) @Sendable (
            UnsafeRawPointer, Handle?, UnsafePointer<UnsafeMutableRawPointer?>?,
            UnsafePointer<UnsafeMutableRawPointer?>?
        ) -> Result
    let cuOccupancyMaxActiveBlocksPerMultiprocessor:
        @convention(c) @Sendable (UnsafeMutablePointer<Int32>, Handle?, Int32, Int) -> Result
    let cuOccupancyMaxActiveClusters:
        @convention(c) @Sendable (UnsafeMutablePointer<Int32>, Handle?, UnsafeRawPointer) -> Result

    let cuStreamCreate: @convention(c) @Sendable (UnsafeMutablePointer<Handle?>, UInt32) -> Result
    let cuStreamDestroy: @convention(c) @Sendable (Handle?) -> Result
    let cuStreamSynchronize: @convention(c) @Sendable (Handle?) -> Result
    let cuStreamQuery: @convention(c) @Sendable (Handle?) -> Result
    let cuStreamBeginCapture: @convention(c) @Sendable (Handle?, Int32) -> Result
    let cuStreamEndCapture: @convention(c) @Sendable (Handle?, UnsafeMutablePointer<Handle?>) -> Result

    let cuGraphInstantiate:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Handle?>, Handle?, UInt64
        ) -> Result
    let cuGraphLaunch: @convention(c) @Sendable (Handle?, Handle?) -> Result
    let cuGraphDestroy: @convention(c) @Sendable (Handle?) -> Result
    let cuGraphExecDestroy: @convention(c) @Sendable (Handle?) -> Result

    /// Finds them all.
    init(in library: DynamicLibrary) throws(DynamicLibrary.Failure) {
        cuDriverGetVersion = try library.function("cuDriverGetVersion")
        cuInit = try library.function("cuInit")
        cuGetErrorName = try library.function("cuGetErrorName")
        cuGetErrorString = try library.function("cuGetErrorString")
        cuDeviceGetCount = try library.function("cuDeviceGetCount")
        cuDeviceGet = try library.function("cuDeviceGet")
        cuDeviceGetName = try library.function("cuDeviceGetName")
        cuDeviceGetAttribute = try library.function("cuDeviceGetAttribute")
        cuDeviceTotalMem = try library.function("cuDeviceTotalMem_v2")
        cuDeviceGetUuid = try library.function("cuDeviceGetUuid_v2")
        cuDevicePrimaryCtxRetain = try library.function("cuDevicePrimaryCtxRetain")
        cuDevicePrimaryCtxRelease = try library.function("cuDevicePrimaryCtxRelease_v2")
        cuCtxSetCurrent = try library.function("cuCtxSetCurrent")
        cuCtxSynchronize = try library.function("cuCtxSynchronize")
        cuMemGetInfo = try library.function("cuMemGetInfo_v2")
        cuMemAlloc = try library.function("cuMemAlloc_v2")
        cuMemFree = try library.function("cuMemFree_v2")
        cuMemHostAlloc = try library.function("cuMemHostAlloc")
        cuMemFreeHost = try library.function("cuMemFreeHost")
        cuMemcpyHtoDAsync = try library.function("cuMemcpyHtoDAsync_v2")
        cuMemcpyDtoHAsync = try library.function("cuMemcpyDtoHAsync_v2")
        cuMemsetD32Async = try library.function("cuMemsetD32Async")
        cuModuleLoadData = try library.function("cuModuleLoadData")
        cuModuleUnload = try library.function("cuModuleUnload")
        cuModuleGetFunction = try library.function("cuModuleGetFunction")
        cuLaunchKernel = try library.function("cuLaunchKernel")
        cuFuncGetAttribute = try library.function("cuFuncGetAttribute")
        cuFuncSetAttribute = try library.function("cuFuncSetAttribute")
        cuLaunchKernelEx = try library.function("cuLaunchKernelEx")
        cuOccupancyMaxActiveBlocksPerMultiprocessor = try library.function(
            "cuOccupancyMaxActiveBlocksPerMultiprocessor")
        cuOccupancyMaxActiveClusters = try library.function("cuOccupancyMaxActiveClusters")
        cuStreamCreate = try library.function("cuStreamCreate")
        cuStreamDestroy = try library.function("cuStreamDestroy_v2")
        cuStreamSynchronize = try library.function("cuStreamSynchronize")
        cuStreamQuery = try library.function("cuStreamQuery")
        cuStreamBeginCapture = try library.function("cuStreamBeginCapture_v2")
        cuStreamEndCapture = try library.function("cuStreamEndCapture")
        cuGraphInstantiate = try library.function("cuGraphInstantiateWithFlags")
        cuGraphLaunch = try library.function("cuGraphLaunch")
        cuGraphDestroy = try library.function("cuGraphDestroy")
        cuGraphExecDestroy = try library.function("cuGraphExecDestroy")
    }
}
