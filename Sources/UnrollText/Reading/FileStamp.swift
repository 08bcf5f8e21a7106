import Foundation

/// What a file looked like when it was read, by which a change of it is noticed.
struct FileStamp: Codable, Equatable {
    let path: String
    let size: Int
    let modificationSeconds: Int
    let modificationNanoseconds: Int

    init(path: String, status: stat) {
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        self.path = path
        size = Int(status.st_size)
        modificationSeconds = time.tv_sec
        modificationNanoseconds = time.tv_nsec
    }
}
