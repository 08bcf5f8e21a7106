// What a training step leaves out at random: drawn by place, as `RandomMask` does, so that every engine leaves out the
// same numbers.

struct Mask {
    // The key of the mask's own Philox.
    u32 key0, key1;
    // How many of 65,536 values drop a number; `ALWAYS_SCALE` if nothing is random.
    u32 threshold;
    // The factor of numbers that are kept.
    float scale;
    // The row of the whole minibatch that is the first here, where this is a shard of it; 0 for weights and tokens' vectors.
    u32 first_row;
};

#define ALWAYS_SCALE 0xffffffffu

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
DEVICE void philox(u32 (&x)[4], u32 key0, u32 key1) {
    for (int round = 0; round < 10; round++) {
        const u32 a = multiply_high(0xD2511F53u, x[0]), b = multiply_high(0xCD9E8D57u, x[2]);
        const u32 c = 0xD2511F53u * x[0], d = 0xCD9E8D57u * x[2];
        x[0] = b ^ x[1] ^ key0;
        x[1] = d;
        x[2] = a ^ x[3] ^ key1;
        x[3] = c;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

DEVICE bool keeps(const Mask& mask, int time, int row, int unit) {
    u32 x[4] = {(u32)unit / 8, mask.first_row + (u32)row, (u32)time, 0};
    philox(x, mask.key0, mask.key1);
    // Not an index that is known at run time only, which would put the array into slow memory.
    const int word = unit % 8 / 2;
    const u32 bits = word < 2 ? (word == 0 ? x[0] : x[1]) : (word == 2 ? x[2] : x[3]);
    return (bits >> (unit % 2 * 16) & 0xffffu) >= mask.threshold;
}

// A number of a layer's output, a token's vector or the recurrent weights, or its gradient.
DEVICE float masked(float value, const Mask& mask, int time, int row, int unit) {
    return mask.threshold == 0 || keeps(mask, time, row, unit) ? value * mask.scale : 0.0f;
}

// The share of a state's change that happens: one or zero, or the expected share if nothing is random.
DEVICE float share(const Mask& mask, int time, int row, int unit) {
    if (mask.threshold == ALWAYS_SCALE) return mask.scale;
    return mask.threshold == 0 || keeps(mask, time, row, unit) ? 1.0f : 0.0f;
}
