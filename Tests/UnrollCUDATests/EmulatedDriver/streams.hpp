// Streams, whose work is done when it is waited for, and the context that has them all.
//
// A stream that nothing waits for does nothing, so that a missing wait shows. With a seed, streams do some of their
// work earlier, in an order that is drawn, as what is not waited for may happen at any time.

#include <deque>
#include <functional>
#include <memory>

// Something that a stream does, and the result of having done it.
using Work = std::function<Result()>;

struct Graph {
    std::vector<Work> works;
};

struct Stream {
    std::deque<Work> works;
    // What is captured, and by which thread; null if nothing is.
    std::unique_ptr<Graph> capture;
    pthread_t capturer;
    bool isCaptureValid;
};

struct Settings {
    u64 memory = 1ull << 30, seed = 0;
};

struct Context {
    Memory memory;
    std::vector<Stream*> streams;
    // The first error of any work: every later call has it.
    Result failure = success;
    Stacks stacks;
    u64 random, launchCount = 0;
    const u64 seed;

    explicit Context(const Settings& settings) : memory(settings.memory), random(settings.seed), seed(settings.seed) {}
    Context(const Context&) = delete;
    ~Context() {
        for (Stream* stream : streams) delete stream;
    }

    // Lets all later calls fail, and says why.
    Result fail(Result result, const char* reason) {
        fprintf(stderr, "emulated GPU: %s\n", reason);
        return failure = result;
    }

    // Adds to a stream's work, or to what it captures.
    Result enqueue(Stream& stream, Work work) {
        if (stream.capture) {
            stream.capture->works.push_back(std::move(work));
            return success;
        }
        stream.works.push_back(std::move(work));
        return doSomeEarly();
    }

    // Does all work of a stream.
    Result finish(Stream& stream) {
        while (!failure && !stream.works.empty()) next(stream);
        if (!failure && memory.isDamaged()) fail(illegalAddress, "something was written past an allocation");
        return failure;
    }

    // Does some work of a stream, and tells whether that was all.
    Result query(Stream& stream) {
        if (!failure && !stream.works.empty()) next(stream);
        return failure || stream.works.empty() ? finish(stream) : notReady;
    }

    // Does all work of all streams.
    Result finishAll() {
        doSomeEarly();
        for (Stream* stream : streams) finish(*stream);
        return failure;
    }

    // Runs a kernel.
    Result run(const Launch& launch) {
        const std::string name = "kernel '" + launch.kernel->name + "'";
        if (!launch.kernel->module->isLoaded) return fail(launchFailed, (name + ": its module is unloaded").c_str());
        for (size_t i = 0; i < launch.words.size(); ++i) {
            if (launch.kernel->kinds[i] != 'p' || !launch.words[i] || memory.contains(launch.words[i], 1)) continue;
            return fail(illegalAddress, (name + ": pointer " + std::to_string(i) + " is in no allocation").c_str());
        }
        char message[512];
        char* const start = stacks.forThreads(launch.residents() * launch.threads);
        if (!start) return fail(launchFailed, "there is no memory for stacks");
        const u64 order = seed ? seed * 0x9e3779b97f4a7c15ull + ++launchCount : 0;
        return launch.run(order, start, message) ? fail(launchFailed, message) : success;
    }

  private:
    void next(Stream& stream) {
        const Work work = std::move(stream.works.front());
        stream.works.pop_front();
        const Result result = work();
        if (result) failure = result;
    }

    Result doSomeEarly() {
        if (!seed) return failure;
        for (Stream* stream : streams)
            for (u32 count = draw(4); count && !failure && !stream->works.empty(); --count) next(*stream);
        return failure;
    }

    u32 draw(u32 below) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        return u32((random >> 32) * below >> 32);
    }
};
