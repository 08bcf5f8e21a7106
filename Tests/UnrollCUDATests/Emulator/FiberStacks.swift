import Foundation
import Synchronization

/// Stacks for the threads that run at the same time, which launches borrow one after the other.
struct FiberStacks: @unchecked Sendable {
    /// Where the first one ends, which is its lowest address.
    let start: UnsafeMutableRawPointer
    /// For so many threads.
    private let count: Int

    /// `largestBlock` and `stackSize` of `blocks.hpp`.
    private static let largestBlock = 1024
    private static let size = 65536
    private static let unused = Mutex<[FiberStacks]>([])

    /// Stacks that no other launch uses until they are given back; nil if there is no memory.
    static func borrow(for threads: Int) -> FiberStacks? {
        let found = unused.withLock { unused in
            unused.indices.filter { unused[$0].count >= threads }.min { unused[$0].count < unused[$1].count }
                .map { unused.remove(at: $0) }
        }
        return found ?? FiberStacks(for: threads)
    }

    /// Lets other launches use the stacks.
    func giveBack() {
        Self.unused.withLock { $0.append(self) }
    }

    private init?(for threads: Int) {
        // Few sizes, so that stacks are found again.
        var count = Self.largestBlock
        while count < threads { count *= 2 }
        // Only pages that are written take memory.
        let protection = PROT_READ | PROT_WRITE
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let stacks = mmap(nil, count * Self.size, protection, flags, -1, 0)
        guard let stacks, stacks != MAP_FAILED else { return nil }
        start = stacks
        self.count = count
        // Of one block's stacks, the lowest page is not accessible, so that a stack which is too small ends the process
        // instead of changing another one. Of many, these pages would be more mappings than a process may have.
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard count == Self.largestBlock, page < Self.size else { return }
        for index in 0..<count { mprotect(stacks + index * Self.size, page, PROT_NONE) }
    }
}
