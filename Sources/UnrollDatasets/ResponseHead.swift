import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The part of a response's head that matters to a download.
struct ResponseHead: Sendable {
    let status: Int
    /// Where in the file the body begins.
    let offset: Int
    /// The size of the whole file, where the server tells.
    let byteCount: Int?

    init(_ response: HTTPURLResponse) {
        status = response.statusCode
        // As in "bytes 100-199/200".
        let range = response.value(forHTTPHeaderField: "Content-Range")?
            .split { " -/".contains($0) }.map { Int($0) }
        if let range, range.count == 4, let start = range[1] {
            (offset, byteCount) = (start, range[3])
        } else {
            let length = response.expectedContentLength
            (offset, byteCount) = (0, length >= 0 ? Int(length) : nil)
        }
    }
}
