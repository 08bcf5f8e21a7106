#if Serving
import NIOCore
import Synchronization

/// Work for one client, which ends when the client leaves or the time for it is over.
final class ClientWork: Sendable {
    private struct State {
        /// What stands in the way of more work.
        var end: (any Error)?
        var cancel: (@Sendable () -> Void)?
    }

    private let state: Mutex<State>
    /// Forgets the deadline, and takes the handler out of the connection.
    private let unwatch: @Sendable () -> Void

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - channel: The client's connection; nil where it is not known, so that its end shows in the next write only.
    ///   - seconds: The time for the work.
    ///   - error: What the work ends with after that time.
    ///   - deadlines: Those of all requests.
    init(on channel: (any Channel)?, within seconds: Int, or error: ServingError, among deadlines: Deadlines)
    {
        let link = Link()
        state = Mutex(State())
        let deadline = deadlines.add(after: seconds) { link.work?.end(error) }
        if let channel {
            let handler = DepartureHandler { link.work?.end(CancellationError()) }
            _ = channel.pipeline.addHandler(handler, position: .first)
            unwatch = {
                deadlines.remove(deadline)
                channel.pipeline.removeHandler(handler, promise: nil)
            }
        } else {
            unwatch = { deadlines.remove(deadline) }
        }
        link.work = self
    }

    deinit {
        unwatch()
    }

    /// What the deadline and the handler know of the work, without keeping it.
    private final class Link: Sendable {
        private struct Weak: Sendable {
            weak var work: ClientWork?
        }

        private let stored = Mutex(Weak())

        var work: ClientWork? {
            get { stored.withLock(\.work) }
            set { stored.withLock { $0.work = newValue } }
        }
    }

    /// Does a part of the work, one at a time.
    ///
    /// - Throws: What the part throws; the error of the time, or `CancellationError` when the client has left.
    func run<Result: Sendable>(
        _ part: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = Task(operation: part)
        let end = state.withLock { state in
            if state.end == nil { state.cancel = { task.cancel() } }
            return state.end
        }
        if let end {
            task.cancel()
            throw end
        }
        defer { state.withLock { $0.cancel = nil } }
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch {
            throw state.withLock(\.end) ?? error
        }
    }

    private func end(_ error: any Error) {
        let cancel = state.withLock { state in
            if state.end == nil { state.end = error }
            return state.cancel
        }
        cancel?()
    }
}

/// Notices that a client has closed its side of a connection, or that the connection is lost.
///
/// A client that has asked and closes its side to wait for the answer counts as gone, too: the two look the same.
private final class DepartureHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = Any

    private let act: @Sendable () -> Void

    init(_ act: @escaping @Sendable () -> Void) {
        self.act = act
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { act() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        act()
        context.fireChannelInactive()
    }
}
#endif
