import Foundation
import Synchronization
import Testing

/// A web server on this machine that gives prepared replies, one per connection, in order.
///
/// It speaks just enough HTTP for the tests, on one thread; every wait has an end.
final class LoopbackServer: Sendable {
    /// What to send back.
    struct Reply: Sendable, CustomTestStringConvertible {
        var status: Int
        var headers: [String] = []
        var body: [UInt8] = []
        /// Keeps the connection open after the body, silently, until the server stops.
        var stalls = false

        var testDescription: String { "\(status) with \(body.count) bytes" }

        /// The whole of a file.
        static func whole(_ file: [UInt8]) -> Reply {
            Reply(status: 200, headers: ["Content-Length: \(file.count)"], body: file)
        }

        /// The promise of a whole file, but only the first bytes of it.
        static func cut(_ file: [UInt8], after count: Int, stalls: Bool = false) -> Reply {
            Reply(
                status: 200, headers: ["Content-Length: \(file.count)"], body: Array(file.prefix(count)),
                stalls: stalls)
        }

        static func status(_ status: Int) -> Reply {
            Reply(status: status, headers: ["Content-Length: 0"])
        }
    }

    private struct State {
        var replies: [Reply]
        var requests: [String] = []
        var isStopped = false
    }

    let port: UInt16
    private let listener: Int32
    private let state: Mutex<State>

    init(_ replies: [Reply]) throws {
        (listener, port) = try Self.bindEphemeralPort()
        guard listen(listener, 8) == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        state = Mutex(State(replies: replies))
        Thread.detachNewThread { self.serve() }
    }

    /// The heads of the requests so far.
    var requests: [String] {
        state.withLock { $0.requests }
    }

    /// Ends the thread, and with it all connections.
    func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// A socket that occupies a port of 127.0.0.1 without listening: connections to it are refused.
    static func bindEphemeralPort() throws -> (descriptor: Int32, port: UInt16) {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private func serve() {
        var connections: [Int32] = []
        defer {
            connections.forEach { close($0) }
            close(listener)
        }
        while !state.withLock({ $0.isStopped }) {
            guard isReadable(listener, milliseconds: 20) else { continue }
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { continue }
            if let reply = answer(connection), reply.stalls {
                connections.append(connection)
            } else {
                close(connection)
            }
        }
    }

    /// Reads a request and sends the next reply; nil if either does not come about.
    private func answer(_ connection: Int32) -> Reply? {
        var head = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !head.hasSuffix("\r\n\r\n") {
            guard isReadable(connection, milliseconds: 5000) else { return nil }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            head += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let reply = state.withLock { state -> Reply? in
            state.requests.append(head)
            return state.replies.isEmpty ? nil : state.replies.removeFirst()
        }
        guard let reply else { return nil }
        let lines = ["HTTP/1.1 \(reply.status) Reply", "Connection: close"] + reply.headers
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + reply.body
        return transmit(bytes, to: connection) ? reply : nil
    }

    private func transmit(_ bytes: [UInt8], to connection: Int32) -> Bool {
        #if canImport(Darwin)
            let flags: Int32 = 0
            var on: Int32 = 1
            setsockopt(connection, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #else
            let flags = Int32(MSG_NOSIGNAL)
        #endif
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, flags) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private func isReadable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }
}
