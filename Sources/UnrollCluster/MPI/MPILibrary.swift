import UnrollBase

/// The MPI library of the launcher, found when the program runs.
package struct MPILibrary: Sendable {
    /// The file, or the name by which the loader found it.
    package let name: String
    /// What it says it is, such as "Open MPI v4.1.4".
    package let version: String
    let interface: MPIInterface
    let functions: MPIFunctions

    /// Finds and loads the library, and starts nothing of it.
    ///
    /// - Parameters:
    ///   - launcher: What has started this process.
    ///   - environment: The environment variables; `UNROLL_MPI` is the path or name of a library to take in place of the
    ///     launcher's.
    /// - Throws: `ClusterError.noLibrary`, `.otherRelease`, or `.failed` if it lacks a function.
    package init(for launcher: Launcher, environment: [String: String]) throws(ClusterError) {
        let choice = environment["UNROLL_MPI"].flatMap { $0.isEmpty ? nil : $0 }
        let names =
            choice.map { [$0] } ?? MPISearch.candidates(for: launcher, environment: environment)
        let library = try Self.firstThatLoads(of: names, launcher: launcher)
        name = library.name
        version = Self.version(of: library)
        do throws(DynamicLibrary.Failure) {
            functions = try MPIFunctions(in: library)
            interface = try MPIInterface(of: library)
        } catch {
            throw .failed(library: name, version: version, function: "loading", reason: error.reason)
        }
        // Open MPI would end the process with a page of text. Older launchers understand newer libraries, too.
        if let release = launcher.release, let known = Self.release(ofOpenMPI: version), known < release {
            throw .otherRelease(library: name, version: version, launcher: launcher.name)
        }
    }

    private static func firstThatLoads(
        of names: [String], launcher: Launcher
    ) throws(ClusterError) -> DynamicLibrary {
        var reasons: [String] = []
        var tried: [String] = []
        for name in names {
            do throws(DynamicLibrary.Failure) {
                return try DynamicLibrary(name, isGlobal: true)
            } catch {
                tried.append(name)
                // What is there and broken says more than what is not there.
                let isMissing = error.reason.hasPrefix("\(name): cannot open")
                reasons.insert(error.reason, at: isMissing ? reasons.endIndex : 0)
            }
        }
        throw .noLibrary(launcher: launcher.name, tried: tried, reason: reasons.first ?? "no file")
    }

    /// What a library says it is.
    private static func version(of library: DynamicLibrary) -> String {
        typealias GetVersion = @convention(c) (MPIFunctions.Text, MPIFunctions.Number) -> Int32
        guard let getVersion = try? library.function("MPI_Get_library_version", as: GetVersion.self) else {
            return "of an unknown version"
        }
        // MPI_MAX_LIBRARY_VERSION_STRING, which is less in others than MPICH.
        var length: Int32 = 0
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8192) { buffer in
            buffer.initialize(repeating: 0)
            guard let start = buffer.baseAddress, getVersion(start, &length) == 0 else { return "" }
            return EscapedText.line(buffer.text)
        }
        return shortVersion(text)
    }

    /// The name and number at the beginning of what a library says it is.
    ///
    /// - Parameter text: Such as `MPICH Version:\t4.0.2\nMPICH Release date:...` with its escapes, or
    ///   "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4".
    /// - Returns: Such as "MPICH 4.0.2".
    package static func shortVersion(_ text: String) -> String {
        let line = text.replacing("\\t", with: " ").prefix { $0 != "\\" && $0 != "," }
        let words = line.split(separator: " ").filter { $0 != "Version:" }
        return words.isEmpty ? "of an unknown version" : words.joined(separator: " ")
    }

    /// The first number of a version of Open MPI; nil for another library.
    package static func release(ofOpenMPI version: String) -> Int? {
        guard let number = version.firstMatch(of: /^Open MPI v(\d+)/)?.1 else { return nil }
        return Int(number)
    }

    /// Throws `ClusterError.failed` unless a function has succeeded.
    func check(_ code: Int32, of function: String) throws(ClusterError) {
        guard code != 0 else { return }
        // MPI_MAX_ERROR_STRING, which is less in Open MPI.
        var length: Int32 = 0
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            buffer.initialize(repeating: 0)
            guard let start = buffer.baseAddress, functions.errorText(code, start, &length) == 0 else {
                return "error \(code)"
            }
            return EscapedText.line(buffer.text)
        }
        throw .failed(library: name, version: version, function: function, reason: text)
    }
}

extension UnsafeMutableBufferPointer<CChar> {
    /// The text up to the first zero.
    fileprivate var text: String {
        String(decoding: self.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
