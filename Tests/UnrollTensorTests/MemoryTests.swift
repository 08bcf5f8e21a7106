import Foundation
import Testing
import UnrollTensor

@Suite struct MemoryTests {
    /// In a process of its own, as other tests use memory as well.
    @Test func trainingKeepsMemoryFlat() async {
        await #expect(processExitsWith: .success) {
            let network = try SmallNetwork(steps: 6, hiddenSize: 40)
            var parameters = network.parameters
            var state = network.state
            func train(steps: Int) throws -> (live: Int, idle: Int, resident: Int) {
                for _ in 0..<steps {
                    let (_, gradients) = try valueWithGradient(at: parameters) {
                        let (loss, next) = try network.run($0, from: state)
                        state = next.detached()
                        return loss
                    }
                    for (place, gradient) in gradients.enumerated() {
                        try parameters[place] -= 0.1 * gradient
                    }
                }
                let bytes = Tensor.byteCounts
                return (bytes.live, bytes.idle, try residentBytes())
            }
            let early = try train(steps: 10)
            let middle = try train(steps: 90)
            let late = try train(steps: 900)
            #expect(late.live == early.live)
            #expect(late.idle == early.idle)
            #expect(late.resident - middle.resident < 3 << 20)
        }
    }

    /// What is dropped is there for what comes next, also when shapes change all the time.
    @Test func memoryOfOtherShapesIsGivenBack() async {
        await #expect(processExitsWith: .success) {
            for size in 1...200 {
                let x = try Tensor(repeating: 1, shape: [size * 1000])
                _ = tanh(x)
            }
            let bytes = Tensor.byteCounts
            #expect(bytes.live == 0)
            #expect(bytes.idle < 16 * 200_000)
        }
    }
}

/// How much memory the system counts as this process's; 0 where it does not say so in a file.
private func residentBytes() throws -> Int {
    #if os(Linux)
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
    #else
        return 0
    #endif
}
