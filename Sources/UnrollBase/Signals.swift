import Foundation

/// Signals that ask this process to end: a hangup, Ctrl-C, Ctrl-\\, a polite kill, and a pipe without a reader.
package enum EndingSignals {
    private static let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE]
    /// The end of a pipe to which the handler writes the numbers of signals, as it may call hardly anything else.
    private nonisolated(unsafe) static var numbers: Int32 = -1

    /// Calls a function, on a thread of its own, with the number of each signal in place of ending the process.
    ///
    /// Signals that this process was told to ignore when it was started, such as by `nohup`, stay ignored. A thread that
    /// writes to a pipe without a reader waits forever, so that the function can end the process as the signal would.
    /// To be called once.
    package static func handle(_ act: @escaping @Sendable (Int32) -> Void) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return }
        for end in ends { ProcessSettings.closeOnExecution(end) }
        let reader = ends[0]
        numbers = ends[1]
        Thread.detachNewThread {
            // A program that was started by a thread without signals has them blocked.
            unblock(all)
            var number: UInt8 = 0
            while true {
                guard let count = try? uninterrupted({ read(reader, &number, 1) }), count == 1 else { return }
                act(Int32(number))
            }
        }
        for number in all {
            let previous = signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                let code = errno
                _ = write(EndingSignals.numbers, &byte, 1)
                while number == SIGPIPE { pause() }
                errno = code
            }
            if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
                signal(number, SIG_IGN)
            }
        }
    }

    /// Lets signals reach the current thread.
    private static func unblock(_ numbers: [Int32]) {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in numbers { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Ends this process as a signal does by default, once its temporary files are removed.
    package static func endProcess(by number: Int32) -> Never {
        TemporaryItem.removeAll {
            signal(number, SIG_DFL)
            unblock([number])
            raise(number)
            // The first process of a container is spared by its own signals.
            _exit(128 + number)
        }
    }
}

/// Settings of this process for signals, and for other processes that it starts.
package enum ProcessSettings {
    /// Closes a descriptor in other programs that this process starts.
    package static func closeOnExecution(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Ends another process, as if it had been asked to.
    package static func terminate(_ process: Int32) {
        _ = kill(process, SIGTERM)
    }

    /// Ends this process without what libraries do at its end, which may wait for other processes.
    package static func exitAtOnce(_ code: Int32) -> Never {
        TemporaryItem.removeAll { _exit(code) }
    }

    /// The processors that this process may use, such as "0-3"; empty where the system does not tell.
    package static var allowedProcessors: String {
        let facts = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = facts?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        return line.map { $0.split(separator: "\t").last.map(String.init) ?? "" } ?? ""
    }

    /// The programs of the parent of this process, its parent and so on; empty where the system does not tell.
    package static func ancestors() -> [String] {
        var programs: [String] = []
        var process = getppid()
        // Enough for a launcher, its agent and some scripts.
        while process > 1, programs.count < 8 {
            guard
                let program = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(process)/exe"),
                let facts = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
                // After the name, which may hold anything, come the state and the parent.
                let parent = facts.split(separator: ")").last?.split(separator: " ").dropFirst().first
            else { break }
            programs.append(program)
            process = Int32(parent) ?? 0
        }
        return programs
    }

    /// Allows this process as many open descriptors as the system lets it have.
    ///
    /// The limit at first is often 1024, so that programs that know no more descriptors are safe.
    package static func raiseDescriptorLimit() {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }

    /// Makes exceeding the limit on the size of files an error of the call that writes.
    ///
    /// By default it ends the process.
    package static func ignoreFileSizeSignal() {
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Makes writing to a pipe or a connection without a reader an error in this process.
    ///
    /// By default it ends the process.
    package static func ignoreBrokenPipeSignal() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Makes writing to a pipe without a reader an error on this thread.
    ///
    /// By default it ends the process.
    package static func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
