// Device memory: memory of the host, between guards in which writes past an allocation are found.

#include <map>

class Memory {
  public:
    explicit Memory(u64 limit) : limit(limit) {}
    Memory(const Memory&) = delete;
    ~Memory() {
        for (const auto& [address, size] : allocations) ::free(block(address));
    }

    // Bytes in all, and those that can be allocated.
    const u64 limit;
    u64 available() const { return limit - used; }

    // The address of new memory, which is not a number whatever the type of number; 0 if there is not enough.
    u64 allocate(u64 size) {
        if (size > available()) return 0;
        const u64 rounded = (size + 2 * guardSize + alignment - 1) / alignment * alignment;
        char* const bytes = static_cast<char*>(aligned_alloc(alignment, rounded));
        if (!bytes) return 0;
        for (u64 i = 0; i < guardSize; ++i) bytes[i] = bytes[guardSize + size + i] = guard[i % 2];
        memset(bytes + guardSize, 0xff, size);
        const u64 address = reinterpret_cast<u64>(bytes + guardSize);
        allocations[address] = size;
        used += size;
        return address;
    }

    // Whether something was allocated there.
    bool free(u64 address) {
        const auto found = allocations.find(address);
        if (found == allocations.end()) return false;
        used -= found->second;
        ::free(block(address));
        allocations.erase(found);
        return true;
    }

    // Whether so many bytes are in one allocation.
    bool contains(u64 address, u64 size) const {
        const auto next = allocations.upper_bound(address);
        if (next == allocations.begin()) return false;
        const auto& [start, length] = *std::prev(next);
        return address - start < length && size <= length - (address - start);
    }

    // Whether something was written past an allocation.
    bool isDamaged() const {
        for (const auto& [address, size] : allocations) {
            const char* const bytes = block(address);
            if (!isGuard(bytes) || !isGuard(bytes + guardSize + size)) return true;
        }
        return false;
    }

  private:
    static constexpr u64 alignment = 256, guardSize = 4096;
    // Not a number, neither as bfloat16 nor as floats, as what was read past an allocation must show.
    static constexpr char guard[] = "\xe5\xff";

    static char* block(u64 address) { return reinterpret_cast<char*>(address) - guardSize; }
    static bool isGuard(const char* bytes) {
        return !memcmp(bytes, guard, 2) && !memcmp(bytes, bytes + 2, guardSize - 2);
    }

    // Sizes by addresses.
    std::map<u64, u64> allocations;
    u64 used = 0;
};
