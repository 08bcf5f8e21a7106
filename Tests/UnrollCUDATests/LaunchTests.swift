import Testing
import UnrollCUDA

@Suite struct LaunchTests {
    @Test func anArgumentLiesInTheLowBytesOfAWord() {
        #expect(KernelArgument.int(-1).bits == 0xffff_ffff)
        #expect(KernelArgument.float(1).bits == 0x3f80_0000)
        #expect(KernelArgument.address(DeviceAddress(bits: 256) + 4).bits == 260)
        #expect(KernelArgument.null.bits == 0)
    }
}
