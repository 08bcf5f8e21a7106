// Calls of the driver about kernels: modules, what kernels are allowed, and launches. A part of cuda.cpp.

// MARK: Modules

API int cuModuleLoadData(Module** module, const char* image) {
    return outsideOfCaptures([&](Context&) {
        *module = loadModule(image);
        return *module ? success : invalidImage;
    });
}

API int cuModuleUnload(Module* module) {
    return outsideOfCaptures([&](Context&) {
        module->isLoaded = false;
        return success;
    });
}

API int cuModuleGetFunction(Kernel** kernel, Module* module, const char* name) {
    return inContext([&](Context&) {
        *kernel = findKernel(*module, name);
        return *kernel ? success : notFound;
    });
}

// MARK: What kernels are allowed

// The place of an attribute, and its largest value: CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES and
// _NON_PORTABLE_CLUSTER_SIZE_ALLOWED.
static int* attributeOf(Kernel& kernel, int number, int& largest) {
    largest = number == 8 ? int(largestShared) : 1;
    return number == 8 ? &kernel.largestShared : number == 14 ? &kernel.allowsLargeClusters : nullptr;
}

API int cuFuncGetAttribute(int* value, int number, Kernel* kernel) {
    return inContext([&](Context&) {
        int largest;
        const int* attribute = attributeOf(*kernel, number, largest);
        if (!attribute) return invalidValue;
        *value = *attribute;
        return success;
    });
}

API int cuFuncSetAttribute(Kernel* kernel, int number, int value) {
    return inContext([&](Context&) {
        int largest;
        int* attribute = attributeOf(*kernel, number, largest);
        if (!attribute || value < 0 || value > largest) return invalidValue;
        *attribute = value;
        return success;
    });
}

// MARK: Launches

// A launch without its arguments.
static Result read(const LaunchConfig& config, const Kernel* kernel, Launch& launch) {
    if (!kernel->module->isLoaded) return invalidHandle;
    if (config.block[1] != 1 || config.block[2] != 1) return invalidValue;
    launch = {kernel, {config.grid[0], config.grid[1], config.grid[2]}, config.block[0], 1, config.sharedSize};
    for (u32 i = 0; i < config.attributeCount; ++i) {
        const u32* value = config.attributes[i].value;
        switch (config.attributes[i].number) {
        case cooperative: launch.isCooperative = value[0]; break;
        case startsEarly: launch.startsEarly = value[0]; break;
        case clusterDimension:
            if (value[1] != 1 || value[2] != 1) return invalidClusterSize;
            launch.clusterSize = value[0];
            break;
        default: return invalidValue;
        }
    }
    if (int(launch.sharedSize) > kernel->largestShared) return invalidValue;
    if (launch.clusterSize > largestPortableCluster && !kernel->allowsLargeClusters) return invalidClusterSize;
    if (launch.isCooperative && launch.residents() > multiprocessors) return cooperativeLaunchTooLarge;
    return success;
}

static Result enqueue(const LaunchConfig& config, Kernel* kernel, void** arguments) {
    return inContext([&](Context& context) {
        Launch launch;
        if (const Result result = read(config, kernel, launch)) return result;
        for (size_t i = 0; i < kernel->kinds.size(); ++i) {
            u64 word = 0;
            memcpy(&word, arguments[i], kernel->kinds[i] == 'p' ? 8 : 4);
            launch.words.push_back(word);
        }
        char message[512];
        if (launch.run(0, nullptr, message)) {
            fprintf(stderr, "emulated GPU: %s\n", message);
            return invalidValue;
        }
        launches += launch.description() + (config.stream->capture ? " captured\n" : "\n");
        return context.enqueue(*config.stream, [launch, &context] { return context.run(launch); });
    });
}

API int cuLaunchKernel(Kernel* kernel, u32 x, u32 y, u32 z, u32 threads, u32 threadsY, u32 threadsZ, u32 shared,
                       Stream* stream, void** arguments, void** extra) {
    if (extra) return invalidValue;
    return enqueue({{x, y, z}, {threads, threadsY, threadsZ}, shared, stream, nullptr, 0}, kernel, arguments);
}

API int cuLaunchKernelEx(const LaunchConfig* config, Kernel* kernel, void** arguments, void** extra) {
    return extra ? invalidValue : enqueue(*config, kernel, arguments);
}

API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* count, Kernel* kernel, int threads, size_t shared) {
    return inContext([&](Context&) {
        Launch launch;
        const LaunchConfig config = {{1, 1, 1}, {u32(threads), 1, 1}, u32(shared), nullptr, nullptr, 0};
        if (const Result result = read(config, kernel, launch)) return result;
        *count = 1;
        return success;
    });
}

API int cuOccupancyMaxActiveClusters(int* count, Kernel* kernel, const LaunchConfig* config) {
    return inContext([&](Context&) {
        Launch launch;
        if (const Result result = read(*config, kernel, launch)) return result;
        *count = int(activeClusters(launch.clusterSize));
        return success;
    });
}
