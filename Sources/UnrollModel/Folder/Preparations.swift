import Synchronization

/// What other rooms make from a model to use it, each kind once: packed weights, for instance.
///
/// A model's values never change, so what is made from them stays right; it goes with the last copy of the model.
package final class Preparations: Sendable {
    private let values = Mutex<[ObjectIdentifier: any Sendable]>([:])

    /// The one value of this type, made at the first call.
    package func value<Value: Sendable>(makingIfNeeded make: () -> Value) -> Value {
        values.withLock { values in
            let key = ObjectIdentifier(Value.self)
            if let value = values[key] as? Value { return value }
            let value = make()
            values[key] = value
            return value
        }
    }
}
