import Foundation
import Unroll

/// Turns the bytes of one place into those of another, and shows on a terminal how far it is.
struct Conversion {
    let input: ByteInput
    let output: ByteOutput

    /// Passes all bytes through `convert`, and what `finish` returns behind them.
    func run(convert: (Data) throws -> [UInt8], finish: () throws -> [UInt8]) throws {
        var (read, written) = (0, 0)
        do {
            while let part = try input.next() {
                try Task.checkCancellation()
                let bytes = try convert(part)
                try output.write(bytes)
                read += part.count
                written += bytes.count
                Standard.error.showProgress(read, of: input.byteCount ?? 0)
            }
            try output.write(finish())
            try output.finish()
        } catch let error as CompressionError {
            throw Failure("\(input.name): \(error.description)")
        }
        Standard.error.clearProgress()
    }
}
