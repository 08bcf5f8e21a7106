import Foundation
import Synchronization

/// Stacks for the threads of a block, which launches borrow one after the other.
enum FiberStacks {
    /// `largestBlock` and `stackSize` of `blocks.hpp`.
    private static let count = 1024
    private static let size = 65536
    private static let unused = Mutex<[UInt]>([])

    /// Stacks that no other launch uses until they are given back; nil if there is no memory.
    static func borrow() -> UnsafeMutableRawPointer? {
        if let address = unused.withLock({ $0.popLast() }) {
            return UnsafeMutableRawPointer(bitPattern: address)
        }
        // Only pages that are written take memory. The lowest of each stack is not accessible, so that a stack which is
        // too small ends the process instead of changing another one.
        let protection = PROT_READ | PROT_WRITE
        let stacks = mmap(nil, count * size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let stacks, stacks != MAP_FAILED else { return nil }
        let page = sysconf(Int32(_SC_PAGESIZE))
        if page < size {
            for index in 0..<count { mprotect(stacks + index * size, page, PROT_NONE) }
        }
        return stacks
    }

    /// Lets other launches use stacks.
    static func giveBack(_ stacks: UnsafeMutableRawPointer) {
        unused.withLock { $0.append(UInt(bitPattern: stacks)) }
    }
}
