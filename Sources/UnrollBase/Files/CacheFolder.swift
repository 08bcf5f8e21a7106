import Foundation

/// The user's folder for what can be made or downloaded again.
package enum CacheFolder {
    /// Finds the folder of this package.
    ///
    /// - Parameter environment: The environment variables.
    /// - Returns: `unroll` in `XDG_CACHE_HOME` or else in the system's folder for caches; it need not exist yet.
    package static func url(in environment: [String: String]) -> URL {
        home(of: environment).appending(path: "unroll", directoryHint: .isDirectory)
    }

    private static func home(of environment: [String: String]) -> URL {
        // The XDG specification says to ignore a relative path, and an empty one with it.
        if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
            return URL(filePath: path, directoryHint: .isDirectory)
        }
        #if os(macOS)
            let caches = "Library/Caches"
        #else
            let caches = ".cache"
        #endif
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        return URL(filePath: home, directoryHint: .isDirectory)
            .appending(path: caches, directoryHint: .isDirectory)
    }
}
