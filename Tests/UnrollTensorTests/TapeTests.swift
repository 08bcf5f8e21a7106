import Testing
import UnrollTensor

@Suite struct TapeTests {
    /// One operation after the other: no recursion, neither on the way back nor when the tape is released.
    @Test func aLongChainNeedsNoStack() throws {
        let (value, gradient) = try valueWithGradient(at: Tensor(0.5)) { x in
            var y = x
            for _ in 0..<100_000 { y = try y + x }
            return y
        }
        #expect(try value.scalar() == 50_000.5)
        #expect(try gradient.scalar() == 100_001)
    }

    @Test func aLongUnrollNeedsLittleStack() throws {
        let network = try SmallNetwork(steps: 10_000)
        let gradients = try onSmallStack {
            try valueWithGradient(at: network.parameters) { try network.loss($0) }.gradients
        }
        #expect(gradients.map(\.shape) == network.parameters.map(\.shape))
        #expect(gradients.allSatisfy { $0.elements.allSatisfy(\.isFinite) })
        // The tape of a function whose gradient is never taken is released as well.
        let isReleased = try onSmallStack {
            do {
                _ = try valueWithGradient(at: network.parameters) { parameters in
                    _ = try network.loss(parameters)
                    return parameters[0]
                }
                return false
            } catch is TensorError {
                return true
            }
        }
        #expect(isReleased)
    }

    @Test func aLongHistoryIsReleasedOnASmallStack() throws {
        let count = try onSmallStack {
            var state = Tensor(1)
            for step in 0..<5_000 {
                // Only the last call looks back at all the others.
                let isLast = step == 4_999
                var next = state
                let (_, gradients) = try valueWithGradient(at: [Tensor(0.5)], throughHistory: true) { p in
                    next = try state + p[0]
                    return isLast ? next : Tensor(0)
                }
                state = next
                if isLast { return try gradients[0].scalar() }
            }
            return 0
        }
        #expect(count == 5_000)
    }

    @Test func aVariableThatIsNotUsedHasGradientZero() throws {
        let (value, gradients) = try valueWithGradient(at: [Tensor(2), Tensor.zeros([2, 3])]) { _ in Tensor(7)
        }
        #expect(try value.scalar() == 7)
        #expect(try gradients == [Tensor(0), .zeros([2, 3])])
    }

    @Test func whatIsCapturedIsConstant() throws {
        let captured = Tensor(3)
        let (value, gradient) = try valueWithGradient(at: Tensor(2)) { try $0 * captured * captured }
        #expect(try value.scalar() == 18)
        #expect(try gradient.scalar() == 9)
        // The same tensor is a variable and a captured constant.
        #expect(try valueWithGradient(at: captured) { try $0 * captured }.gradient.scalar() == 3)
    }

    @Test func aGradientInsideAFunctionIsConstant() throws {
        let (value, gradient) = try valueWithGradient(at: Tensor(2)) { x in
            // 3 x^2 at x = 2 is 12, for the outer function a number like any other.
            let slope = try valueWithGradient(at: x) { pow($0, 3) }.gradient
            return try x * slope
        }
        #expect(try value.scalar() == 24)
        #expect(try gradient.scalar() == 12)
        // The outer variable inside the inner function is another call's tensor, unless detached.
        #expect(throws: TensorError.notDetached) {
            try valueWithGradient(at: Tensor(2)) { x in
                try valueWithGradient(at: Tensor(5)) { try $0 * x }.value
            }
        }
        let inner = try valueWithGradient(at: Tensor(2)) { x in
            try x * valueWithGradient(at: Tensor(5)) { try $0 * x.detached() }.gradient
        }
        #expect(try inner.gradient.scalar() == 2)
        // After an inner call, the outer function goes on as before.
        let after = try valueWithGradient(at: Tensor(2)) { x in
            let y = try x * x
            _ = try valueWithGradient(at: Tensor(1)) { $0 * 2 }
            return try y * x
        }
        #expect(try after.gradient.scalar() == 12)
    }

    /// The gradient through several calls is that of one function over all of them, with parameters p + constant.
    @Test func historyGivesTheGradientOfOneCall() throws {
        let network = try SmallNetwork(steps: 4)
        let offsets: [Float] = [0, 0.02, -0.03]
        func moved(_ parameters: [Tensor], _ offset: Float) -> [Tensor] { parameters.map { $0 + offset } }

        let whole = try valueWithGradient(at: network.parameters) { parameters in
            var state = network.state
            var loss = Tensor(0)
            for offset in offsets { (loss, state) = try network.run(moved(parameters, offset), from: state) }
            return loss
        }
        var state = network.state
        var last: (value: Tensor, gradients: [Tensor]) = (Tensor(0), [])
        for offset in offsets {
            last = try valueWithGradient(at: moved(network.parameters, offset), throughHistory: true) {
                let (loss, next) = try network.run($0, from: state)
                state = next
                return loss
            }
        }
        #expect(last.value == whole.value)
        for (a, b) in zip(last.gradients, whole.gradients) {
            for (x, y) in zip(a.elements, b.elements) { #expect(abs(x - y) < 1e-5 * max(1, abs(y))) }
        }
        // And it is more than that of the last call alone.
        let alone = try valueWithGradient(at: moved(network.parameters, offsets[2])) {
            try network.run($0, from: state.detached()).loss
        }
        #expect(alone.gradients[1] != last.gradients[1])
    }

    @Test func historyGivesTheSlope() throws {
        let network = try SmallNetwork(steps: 3)
        func loss(_ parameters: [Tensor]) throws -> (value: Float, gradients: [Tensor]) {
            var state = network.state
            var result: (value: Tensor, gradients: [Tensor]) = (Tensor(0), [])
            for offset: Float in [0, 0.1] {
                result = try valueWithGradient(at: parameters.map { $0 + offset }, throughHistory: true) {
                    let (loss, next) = try network.run($0, from: state)
                    state = next
                    return loss
                }
            }
            return (try result.value.scalar(), result.gradients)
        }
        let gradients = try loss(network.parameters).gradients
        let step: Float = 0x1p-6
        for place in network.parameters.indices {
            var values: [Float] = []
            for difference in [step, -step] {
                var elements = network.parameters[place].elements
                elements[0] += difference
                var parameters = network.parameters
                parameters[place] = try Tensor(elements, shape: parameters[place].shape)
                values.append(try loss(parameters).value)
            }
            let slope = (values[0] - values[1]) / (2 * step)
            #expect(abs(slope - gradients[place].elements[0]) < 2e-3, "parameter \(place)")
        }
    }

    @Test func aDetachedStateEndsTheHistory() throws {
        let network = try SmallNetwork(steps: 2)
        var state = network.state
        _ = try valueWithGradient(at: network.parameters, throughHistory: true) {
            let (loss, next) = try network.run($0, from: state)
            state = next
            return loss
        }
        let through = try valueWithGradient(at: network.parameters, throughHistory: true) {
            try network.run($0, from: state.detached()).loss
        }
        let alone = try valueWithGradient(at: network.parameters) {
            try network.run($0, from: state.detached()).loss
        }
        #expect(through.gradients == alone.gradients)
    }
}
