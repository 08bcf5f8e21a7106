import CUnrollNCCL
import UnrollBase
import UnrollCluster

/// A group whose messages are in the memory of GPUs, one of each process, and go from one to another by NCCL.
///
/// Another group of the same processes brings them together, and finds out whether one is lost: NCCL would wait for it
/// forever.
///
/// Unchecked, as one thread at a time exchanges messages of a group.
package final class NCCLProcessGroup: ProcessGroup, CustomStringConvertible, @unchecked Sendable {
    private let nccl: NCCL
    private let group: any ProcessGroup
    private let queue: any DeviceQueue
    private var communicator: NCCLFunctions.Handle?
    /// Why messages can no longer be exchanged.
    private var failure: ClusterError?

    /// Brings the processes of a group together; each of them must.
    ///
    /// - Parameters:
    ///   - nccl: The library, of the same version in all processes.
    ///   - group: The processes.
    ///   - queue: What uses the messages; each process has a GPU of its own.
    /// - Throws: `ClusterError`.
    package init(_ nccl: NCCL, beside group: any ProcessGroup, on queue: any DeviceQueue) throws(ClusterError)
    {
        self.nccl = nccl
        self.group = group
        self.queue = queue
        let id = try commonID()
        // Calls return at once, and what they began goes on, so that this can wait for the other group as well.
        var settings = UnrollCommunicatorSettings(
            size: MemoryLayout<UnrollCommunicatorSettings>.size, magic: 0xcafe_beef, version: 21_400,
            blocking: 0)
        try call("ncclCommInitRankConfig") { _ in
            nccl.functions.ncclCommInitRankConfig(
                &communicator, Int32(truncatingIfNeeded: group.size), id,
                Int32(truncatingIfNeeded: group.rank), &settings)
        }
        do throws(ClusterError) {
            try wait(until: isSettled)
        } catch {
            throw end(with: error)
        }
    }

    deinit {
        // All messages have arrived, or nothing is to wait for them.
        if communicator != nil { _ = nccl.functions.ncclCommAbort(communicator) }
    }

    package var rank: Int { group.rank }
    package var size: Int { group.size }
    /// Such as "NCCL 2.27.3".
    package var description: String { "NCCL \(nccl.version)" }

    package func exchange(_ transfers: [Transfer]) throws(ClusterError) {
        if let failure { throw failure }
        do throws(ClusterError) {
            try enqueue(transfers)
            // What follows on the queue would wait by itself, but not find out that a process is lost.
            try wait(until: isDone)
        } catch {
            throw end(with: error)
        }
    }

    package func end(because reason: String) { group.end(because: reason) }

    /// What the processes of a communicator have in common: number 0 makes it.
    private func commonID() throws(ClusterError) -> UnrollCommunicatorID {
        var id = UnrollCommunicatorID()
        if rank == 0 { try call("ncclGetUniqueId") { _ in nccl.functions.ncclGetUniqueId(&id) } }
        let bytes = try group.broadcast(withUnsafeBytes(of: id) { Array($0) })
        withUnsafeMutableBytes(of: &id) { $0.copyBytes(from: bytes.prefix($0.count)) }
        return id
    }

    private func enqueue(_ transfers: [Transfer]) throws(ClusterError) {
        let (functions, communicator) = (nccl.functions, communicator)
        try call("ncclSend or ncclRecv") { stream in
            var result = functions.ncclGroupStart()
            for transfer in transfers where !transfer.bytes.isEmpty && result == NCCLFunctions.success {
                let (bytes, peer) = (transfer.bytes, Int32(truncatingIfNeeded: transfer.peer))
                let code =
                    switch transfer.direction {
                    case .send:
                        functions.ncclSend(
                            bytes.baseAddress, bytes.count, NCCLFunctions.bytes, peer, communicator, stream)
                    case .receive:
                        functions.ncclRecv(
                            bytes.baseAddress, bytes.count, NCCLFunctions.bytes, peer, communicator, stream)
                    }
                if code != NCCLFunctions.inProgress { result = code }
            }
            // What was begun is to be ended, whatever was refused.
            let code = functions.ncclGroupEnd()
            return result == NCCLFunctions.success ? code : result
        }
    }

    // MARK: Waiting

    /// Waits until something is so, or the group has failed.
    private func wait(until isSo: () throws(ClusterError) -> Bool) throws(ClusterError) {
        let backoff = Backoff()
        while !(try isSo()) {
            // No messages: it finds out whether all processes live.
            try group.exchange([])
            backoff.wait()
        }
    }

    /// Whether what was called last has been begun, as the queue may then be waited for.
    private func isSettled() throws(ClusterError) -> Bool {
        var state = NCCLFunctions.success
        try call("ncclCommGetAsyncError") { _ in
            nccl.functions.ncclCommGetAsyncError(communicator, &state)
        }
        guard state != NCCLFunctions.inProgress else { return false }
        try check(state, of: "an exchange")
        return true
    }

    /// Whether all messages have arrived.
    private func isDone() throws(ClusterError) -> Bool {
        // After an error beside it, the queue would wait forever.
        guard try isSettled() else { return false }
        do throws(CUDAError) {
            return try queue.isDone()
        } catch {
            throw failed("an exchange", "\(error)")
        }
    }

    // MARK: Errors

    /// Calls a function in the GPU's context, with its stream.
    private func call(
        _ function: String, _ body: (_ stream: NCCLFunctions.Handle?) -> NCCLFunctions.Result
    ) throws(ClusterError) {
        let result: NCCLFunctions.Result
        do throws(CUDAError) {
            result = try queue.withStream(body)
        } catch {
            throw failed(function, "\(error)")
        }
        if result != NCCLFunctions.inProgress { try check(result, of: function) }
    }

    private func check(_ result: NCCLFunctions.Result, of function: String) throws(ClusterError) {
        guard result != NCCLFunctions.success else { return }
        let texts = [
            nccl.functions.ncclGetErrorString(result), nccl.functions.ncclGetLastError(communicator),
        ].compactMap { $0.map { EscapedText.line(String(cString: $0)) } }.filter { !$0.isEmpty }
        throw failed(function, texts.isEmpty ? "error \(result)" : texts.joined(separator: "; "))
    }

    private func failed(_ function: String, _ reason: String) -> ClusterError {
        .failed(library: "NCCL", version: nccl.version, function: function, reason: reason)
    }

    /// Gives up what other processes may never answer.
    private func end(with error: ClusterError) -> ClusterError {
        failure = failure ?? error
        if communicator != nil { _ = nccl.functions.ncclCommAbort(communicator) }
        communicator = nil
        return error
    }
}
