// Copies into shared memory that a thread waits for later, and matrices that a warp loads from there.
//
// One arrives as late as can be, when its thread waits for it, or with a seed perhaps at once. Until then, reading the
// place or copying to it is an error in every order.

namespace emulator {

static void land(const Copy& copy) {
    if (copy.from)
        memcpy(place(*block, copy.address), copy.from, copySize);
    else
        memset(place(*block, copy.address), 0, copySize);
}

static Copies& ownCopies() {
    if (!block->copies) block->copies = static_cast<Copies*>(calloc(largestBlock, sizeof(Copies)));
    if (!block->copies) abort();
    return block->copies[block->current];
}

// Begins a copy, of zeros if `from` is null.
static void beginCopy(u32 address, const void* from) {
    if (happens(16)) yield();
    locate(address, copySize, "copy_to_shared", true);
    refuseArriving(*block, address, copySize, "copy_to_shared");
    if (u64(from) % copySize) fail("copy_to_shared: the place in global memory is no multiple of %u", copySize);
    Copies& copies = ownCopies();
    if (copies.count == mostCopies) fail("copy_to_shared: a thread waits for more than %u copies", mostCopies);
    const Copy copy = {address, copies.groups, from, happens(2)};
    if (copy.isThere) land(copy);
    mark(*block, address, copySize, true);
    copies.items[copies.count++] = copy;
}

static void endCopyGroup() { ++ownCopies().groups; }

// Waits for all groups but so many.
static void waitForCopyGroups(u32 others) {
    if (happens(4)) yield();
    Copies& copies = ownCopies();
    u32 kept = 0;
    for (u32 i = 0; i < copies.count; ++i) {
        const Copy& copy = copies.items[i];
        if (copy.group + others >= copies.groups) {
            copies.items[kept++] = copy;
            continue;
        }
        if (!copy.isThere) land(copy);
        mark(*block, copy.address, copySize, false);
    }
    copies.count = kept;
}

// Loads a row of a matrix of the warp, and takes the thread's words of all four.
static void loadMatrices(u32 (&words)[4], u32 address, Meeting meeting) {
    const char* const name = meetingNames[meeting];
    if (happens(64)) yield();
    locate(address, 16, name, true);
    refuseArriving(*block, address, 16, name);
    Warp& warp = block->warps[block->current / 32];
    memcpy(warp.rows[block->current % 32], place(*block, address), 16);
    meet(meeting);
    memcpy(words, warp.words[block->current % 32], sizeof words);
}

// What must be true of copies when their block ends.
static void checkCopies(Block& of) {
    if (!of.copies) return;
    for (u32 thread = 0; thread < blockDim.x; ++thread) {
        Copies& copies = of.copies[thread];
        if (copies.count) report(of, "the block has ended while %u copies of thread %u are on the way", copies.count, thread);
        for (u32 i = 0; i < copies.count; ++i) mark(of, copies.items[i].address, copySize, false);
        copies.count = copies.groups = 0;
    }
}

}  // namespace emulator
