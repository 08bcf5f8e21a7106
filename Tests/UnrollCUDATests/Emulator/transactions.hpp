// Shared memory as all blocks of a cluster see it, barriers that count bytes, and what is sent to them.
//
// With a seed, what is sent arrives at a drawn moment and in any order, as on the GPU. Whatever could go wrong in
// another order is reported in this one, too: a phase that ends, a block that ends, or a read while something is on the
// way there.

namespace emulator {

// MARK: Shared memory

// An address of shared memory is a number of bytes, of which the first are the system's. That of a peer has its rank,
// from 1, in the highest byte.
constexpr u32 reservedShared = 1024, largestShared = 232448, sharedAlignment = 128, guardSize = 4096;

static u32 dynamicStart() {
    return reservedShared + u32((fixedSize() + sharedAlignment - 1) / sharedAlignment * sharedAlignment);
}

static unsigned char* place(const Block& of, u32 address) {
    if (address >= dynamicStart()) return of.dynamic + (address - dynamicStart());
    return (&of == block ? __start_unroll_shared : of.fixed) + (address - reservedShared);
}

struct Text {
    char text[64];
};

// An address in words, for messages.
static Text named(const Block& of, u32 address) {
    Text text;
    const bool isDynamic = address >= dynamicStart();
    snprintf(text.text, sizeof text, "byte %u of the %s shared memory of block %u",
             address - (isDynamic ? dynamicStart() : reservedShared), isDynamic ? "dynamic" : "fixed", of.index.x);
    return text;
}

static u32 addressOf(const void* pointer) {
    const unsigned char* at = static_cast<const unsigned char*>(pointer);
    if (at >= block->dynamic && at <= block->dynamic + group.launch->sharedSize)
        return dynamicStart() + u32(at - block->dynamic);
    if (at >= __start_unroll_shared && at < __start_unroll_shared + fixedSize())
        return reservedShared + u32(at - __start_unroll_shared);
    fail("shared_address: the pointer is not to the block's shared memory");
}

// The block of an address, which becomes that in the block, after all checks for so many bytes.
static Block& locate(u32& address, u32 size, const char* primitive, bool isOwn) {
    const u32 peer = address >> 24;
    address &= 0xffffff;
    if (isOwn && peer) fail("%s: the address is that of a peer", primitive);
    Block& of = peer ? (&firstOfCluster(*block))[peer - 1] : *block;
    const u32 end = dynamicStart() + group.launch->sharedSize;
    if (address < reservedShared || address + size > end ||
        (address < dynamicStart() && address + size > reservedShared + fixedSize()))
        fail("%s: %u bytes at address %u are not in shared memory, which ends at %u", primitive, size, address, end);
    if (address % size) fail("%s: %s is no multiple of %u", primitive, named(of, address).text, size);
    return of;
}

static u32 peerAddress(u32 address, u32 rank) {
    if (address >> 24) fail("peer_address: the address is that of a peer");
    if (rank >= group.launch->clusterSize)
        fail("peer_address: there is no block %u in a cluster of %u", rank, group.launch->clusterSize);
    return (rank + 1) << 24 | address;
}

// MARK: Barriers

// What is written at the place of a barrier, to find out whether something else was.
static const char barrierMark[] = "\x7f" "barrie";
// The most bytes and arrivals that a barrier counts.
constexpr u32 mostTransactions = (1u << 20) - 1;

static Barrier& barrierAt(Block& of, u32 address, const char* primitive) {
    Barrier* barrier = of.barriers;
    while (barrier < of.barriers + of.barrierCount && barrier->address != address) ++barrier;
    if (barrier == of.barriers + of.barrierCount)
        fail("%s: no barrier was initialized at %s", primitive, named(of, address).text);
    if (memcmp(place(of, address), barrierMark, 8) != 0)
        fail("%s: the barrier at %s was overwritten", primitive, named(of, address).text);
    return *barrier;
}

static Barrier& ownBarrier(u32 address, const char* primitive) {
    locate(address, 8, primitive, true);
    return barrierAt(*block, address, primitive);
}

// Begins the next phase of a barrier if this one is complete.
static void settle(Block& of, Barrier& barrier) {
    if (barrier.bytes > mostTransactions || barrier.bytes < -(long long)mostTransactions)
        report(of, "the barrier at %s misses %lld bytes", named(of, barrier.address).text, barrier.bytes);
    if (barrier.pending || barrier.bytes) return;
    if (barrier.messages)
        report(of, "a phase of the barrier at %s is complete while %u messages to it are on the way",
               named(of, barrier.address).text, barrier.messages);
    barrier.phase ^= 1;
    barrier.pending = barrier.arrivals;
    for (u32 i = 0; i < blockDim.x / 32; ++i) {
        Warp& warp = of.warps[i];
        for (u32 bits = warp.atTransactions; bits; bits &= bits - 1) {
            const u32 lane = lowestBit(bits);
            if (warp.awaited[lane] != u32(&barrier - of.barriers)) continue;
            warp.atTransactions &= ~(1u << lane);
            warp.ready |= 1u << lane;
            of.readyWarps |= 1u << i;
        }
    }
    if (group.launch->seed) group.isEager = draw(2);
}

static void initialize(u32 address, u32 arrivals) {
    locate(address, 8, "barrier_init", true);
    if (!arrivals || arrivals > mostTransactions) fail("barrier_init: %u arrivals", arrivals);
    for (u32 i = 0; i < block->barrierCount; ++i)
        if (block->barriers[i].address == address)
            fail("barrier_init: the barrier at %s is initialized twice", named(*block, address).text);
    if (block->barrierCount == mostBarriers) fail("barrier_init: more than %u barriers of a block", mostBarriers);
    block->barriers[block->barrierCount++] = {address, arrivals, arrivals, 0, 0, 0, false, false};
    memcpy(place(*block, address), barrierMark, 8);
}

static void publish() {
    for (u32 i = 0; i < block->barrierCount; ++i) block->barriers[i].isPublished = true;
}

static void expect(u32 address, u32 bytes) {
    if (happens(4)) yield();
    Barrier& barrier = ownBarrier(address, "barrier_expect");
    if (!barrier.pending)
        fail("barrier_expect: all %u arrivals at %s were made", barrier.arrivals, named(*block, barrier.address).text);
    --barrier.pending;
    barrier.bytes += bytes;
    settle(*block, barrier);
}

__attribute__((noinline)) static void waitAtTransactions(u32 address, u32 parity) {
    Barrier& barrier = ownBarrier(address, "barrier_wait");
    if (parity > 1) fail("barrier_wait: a parity is 0 or 1, not %u", parity);
    if (happens(4)) yield();
    while (barrier.phase == parity) {
        Warp& warp = block->warps[block->current / 32];
        warp.awaited[block->current % 32] = u32(&barrier - block->barriers);
        warp.atTransactions |= 1u << block->current % 32;
        wait();
    }
}

// MARK: Messages

// Says that something is on the way to bytes of shared memory, or has arrived.
static void mark(Block& of, u32 address, u32 size, bool isArriving) {
    if (!of.arriving) {
        // Memory of fixed size counts for all kernels of a library, so that both may be more than a block can have.
        of.arriving = static_cast<bool*>(calloc((dynamicStart() + group.launch->sharedSize) / 4 + 1, 1));
        if (!of.arriving) abort();
    }
    bool* const words = of.arriving + (address - reservedShared) / 4;
    for (u32 i = 0; i < size / 4; ++i) words[i] = isArriving;
}

// Finds out whether something is on the way to bytes of shared memory.
static void refuseArriving(const Block& of, u32 address, u32 size, const char* primitive) {
    if (!of.arriving) return;
    for (u32 word = (address - reservedShared) / 4, end = word + size / 4; word < end; ++word)
        if (of.arriving[word]) fail("%s: something is on the way to %s", primitive, named(of, address).text);
}

static void arrive(const Message& message) {
    memcpy(place(*message.to, message.address), message.value, message.size);
    Barrier& barrier = message.to->barriers[message.barrier];
    barrier.bytes -= message.size;
    settle(*message.to, barrier);
}

static void sendMessage(u32 address, const void* value, u32 size, u32 barrierAddress) {
    if (happens(16)) yield();
    Block &to = locate(address, size, "send", false), &of = locate(barrierAddress, 8, "send", false);
    if (&to != &of)
        fail("send: the place is in block %u of the cluster and the barrier in block %u", to.rank, of.rank);
    if (!to.live) fail("send: block %u of the cluster has ended", to.rank);
    Barrier& barrier = barrierAt(of, barrierAddress, "send");
    if (&to != block && !barrier.isKnown)
        fail("send: the barrier at %s was not published before a cluster_barrier()", named(of, barrierAddress).text);
    Message message = {&to, address, size, u32(&barrier - to.barriers), {}};
    memcpy(message.value, value, size);
    if (!group.launch->seed) return arrive(message);
    refuseArriving(to, address, size, "send");
    mark(to, address, size, true);
    ++to.messages, ++barrier.messages;
    Messages& list = draw(8) ? group.prompt : group.late;
    if (list.count == list.capacity) {
        list.capacity = 2 * list.capacity + 64;
        list.items = static_cast<Message*>(realloc(list.items, list.capacity * sizeof(Message)));
        if (!list.items) abort();
    }
    list.items[list.count++] = message;
}

// Lets a message of a list arrive.
static void deliver(Messages& list) {
    Message& drawn = list.items[draw(list.count)];
    const Message message = drawn;
    drawn = list.items[--list.count];
    mark(*message.to, message.address, message.size, false);
    --message.to->messages, --message.to->barriers[message.barrier].messages;
    arrive(message);
}

// What must be true of a block that ends.
static void checkEnd(const Block& of) {
    if (of.messages) report(of, "the block has ended while %u messages to it are on the way", of.messages);
    for (u32 i = 0; i < of.barrierCount; ++i) {
        const Barrier& barrier = of.barriers[i];
        if (barrier.pending == barrier.arrivals && !barrier.bytes) continue;
        report(of,
               "the block has ended in a phase of the barrier at %s: %u of %u arrivals are made, %lld bytes missing",
               named(of, barrier.address).text, barrier.arrivals - barrier.pending, barrier.arrivals, barrier.bytes);
    }
}

}  // namespace emulator
