import ArgumentParser
import UnrollCluster

/// What a process was started as: the version of the program, and its options.
struct ProcessStart {
    private let version: String
    private let options: [String]

    /// Options that may differ from process to process, as machines do; each has a value.
    private static let ownOptions: Set<String> = ["--threads", "--device"]

    /// A process of a version with arguments.
    init(version: String, arguments: some Collection<String>) {
        self.version = version
        var (options, isOwnValue) = ([String](), false)
        for argument in arguments {
            let isOwn = Self.ownOptions.contains { argument == $0 || argument.hasPrefix("\($0)=") }
            if !isOwn, !isOwnValue { options.append(argument) }
            isOwnValue = Self.ownOptions.contains(argument)
        }
        self.options = options
    }

    /// This process.
    static var current: ProcessStart {
        ProcessStart(
            version: UnrollCommand.configuration.version, arguments: CommandLine.arguments.dropFirst())
    }

    /// Compares all processes with the first; all of them find the same.
    ///
    /// - Throws: `ClusterError`; a failure that names a process that differs.
    func checkAgreement(in group: any ProcessGroup) throws {
        // No argument of a program has a zero in it.
        let own = ([version] + options).joined(separator: "\0")
        let all = try group.gather(Array(own.utf8)).map {
            String(decoding: $0, as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: false)
        }
        for (rank, other) in all.enumerated() {
            guard other[0] == all[0][0] else {
                throw Failure(
                    "process \(rank) is unroll \(other[0]), but process 0 is unroll \(all[0][0]); start one version "
                        + "everywhere")
            }
            let place = (0..<max(other.count, all[0].count)).first { index in
                !other.indices.contains(index) || !all[0].indices.contains(index)
                    || other[index] != all[0][index]
            }
            guard let place else { continue }
            func word(_ words: [Substring]) -> String {
                words.indices.contains(place) ? "'\(words[place])'" : "nothing"
            }
            throw Failure(
                "process \(rank) has other options than process 0, \(word(other)) in place of \(word(all[0])); start all "
                    + "with the same, but for \(Self.ownOptions.sorted().joined(separator: " and "))",
                exitCode: Failure.usage)
        }
    }
}
