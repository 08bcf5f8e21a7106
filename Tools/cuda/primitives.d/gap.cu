// One kernel of a chain in which each needs what the one before has written. With the attribute of programmatic
// dependent launch, a kernel may start before the one before it has ended, and waits here for its memory.

KERNEL __launch_bounds__(128, 1) plain_link(u32* values) {
    const int i = blockIdx.x * 128 + threadIdx.x;
    values[i] += 1;
}

KERNEL __launch_bounds__(128, 1) dependent_link(u32* values) {
    asm volatile("griddepcontrol.launch_dependents;");
    const int i = blockIdx.x * 128 + threadIdx.x;
    asm volatile("griddepcontrol.wait;" ::: "memory");
    values[i] += 1;
}
