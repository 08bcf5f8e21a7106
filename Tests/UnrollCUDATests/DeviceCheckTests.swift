import DeviceCheck
import Testing
import UnrollCUDA

/// The checks that `Tools/cuda/check` runs on a GPU, on the emulator.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct DeviceCheckTests {
    @Test func theChecksOfSmallModelsPass() async {
        let report = Report { _ in }
        let checks = ConformanceChecks(
            make: {
                try CUDAEngine(
                    configuration: $0, parameters: $1, precision: $2, on: EmulatedDevice(seed: 1))
            }, report: report)
        await checks.run(areSmall: true)
        #expect(report.failures.isEmpty)
    }

    /// Persistent kernels, without which the checks of texts have nothing to compare.
    @Test func textsOfPersistentKernelsPass() async {
        let report = Report { _ in }
        let device = EmulatedDevice(seed: 1)
        let checks = ConformanceChecks(
            make: {
                try CUDAEngine(
                    configuration: $0, parameters: $1, precision: $2, recurrence: .grid, on: device)
            }, report: report)
        await checks.smallGeneration()
        #expect(report.failures.isEmpty)
        // In both precisions, with n-grams and without.
        #expect(device.launches["sample"] == 4)
    }

    @Test(arguments: VainWaitCheck.Kind.allCases) func waitsInVainEndWithAnError(kind: VainWaitCheck.Kind)
        async
    {
        let report = Report { _ in }
        await VainWaitCheck(on: EmulatedDevice(seed: 1), report: report).run(kind)
        #expect(report.failures.isEmpty)
    }

    @Test func theExchangeOfClustersPasses() async {
        let report = Report { _ in }
        await ExchangeChecks(on: EmulatedDevice(seed: 1), report: report).run(steps: 2, repeats: 1)
        #expect(report.failures.isEmpty)
    }
}
