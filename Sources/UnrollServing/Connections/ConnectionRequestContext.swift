#if Serving
import Hummingbird
import NIOCore

/// A context that knows the connection of its request.
///
/// In an application whose context conforms to it, a client that leaves ends its work at once. Elsewhere the work ends when
/// something is written to the client, or it is done.
public protocol ConnectionRequestContext: RequestContext {
    /// The connection.
    var channel: any Channel { get }
}

/// The context of the server's own requests.
public struct ServingRequestContext: ConnectionRequestContext {
    /// What Hummingbird keeps of a request.
    public var coreContext: CoreRequestContextStorage
    /// The connection.
    public let channel: any Channel

    /// Takes the connection that a request has come by.
    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
#endif
