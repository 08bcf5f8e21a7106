// NVRTC, whose cubins are libraries for the emulated driver: kernels compiled for the CPU.

#include "common.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

namespace {

enum Result { success = 0, invalidInput = 3, invalidOption = 5, compilationFailed = 6 };

const int architectures[] = {75, 80, 86, 87, 89, 90};
// Where the prelude ends, whose place the emulator's headers take.
const char endOfPrelude[] = "#line 1 \"kernels\"\n";

struct Program {
    std::string source, log, cubin;
};

std::string contents(const std::string& path) {
    std::string bytes;
    if (FILE* file = fopen(path.c_str(), "rb")) {
        char part[65536];
        while (const size_t count = fread(part, 1, sizeof part, file)) bytes.append(part, count);
        fclose(file);
    }
    return bytes;
}

bool write(const std::string& bytes, const std::string& path) {
    FILE* file = fopen(path.c_str(), "wb");
    if (!file) return false;
    const bool isComplete = fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    return fclose(file) == 0 && isComplete;
}

// Runs the compiler with its messages in a file.
bool runCompiler(std::vector<const char*> arguments, const std::string& log) {
    arguments.insert(arguments.begin(), compilerPath);
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    pid_t process = 0;
    int status = -1;
    const int error =
        posix_spawn(&process, compilerPath, &files, nullptr, const_cast<char**>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&files);
    if (error) {
        write(std::string("error: ") + compilerPath + ": " + strerror(error) + "\n", log);
        return false;
    }
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    return status == 0;
}

Result compile(Program& program) {
    const size_t end = program.source.find(endOfPrelude);
    if (end == std::string::npos) {
        program.log = "error: the emulator finds no line " + std::string(endOfPrelude, sizeof endOfPrelude - 2) +
                      " that ends the prelude\n";
        return compilationFailed;
    }
    const std::string version =
        "extern \"C\" __attribute__((visibility(\"default\"))) u64 emulated_version() { return " +
        std::to_string(emulatorVersion()) + "ull; }\n";
    const std::string text = emulatorText + version + program.source.substr(end);
    std::string folder = temporaryName();
    if (!mkdtemp(folder.data())) {
        program.log = "error: " + folder + ": " + strerror(errno) + "\n";
        return compilationFailed;
    }
    const std::string source = folder + "/kernels.cpp", library = folder + "/kernels.so", log = folder + "/log";
    std::vector<const char*> arguments = compilerOptions;
    arguments.insert(arguments.end(), {source.c_str(), "-o", library.c_str(), "-lm"});
    const bool isDone = write(text, source) && runCompiler(arguments, log);
    program.log = contents(log);
    program.cubin = isDone ? contents(library) : "";
    for (const auto& file : {source, library, log}) unlink(file.c_str());
    rmdir(folder.c_str());
    return isDone ? success : compilationFailed;
}

bool isKnown(const char* option) {
    for (const int architecture : architectures)
        if (option == "-arch=sm_" + std::to_string(architecture)) return true;
    return strncmp(option, "-arch=", 6) != 0;
}

}  // namespace

API int nvrtcVersion(int* major, int* minor) {
    *major = 13;
    *minor = 0;
    return success;
}

API const char* nvrtcGetErrorString(int result) {
    switch (result) {
    case success: return "NVRTC_SUCCESS";
    case invalidInput: return "NVRTC_ERROR_INVALID_INPUT";
    case invalidOption: return "NVRTC_ERROR_INVALID_OPTION";
    case compilationFailed: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR unknown";
    }
}

API int nvrtcGetNumSupportedArchs(int* count) {
    *count = std::size(architectures);
    return success;
}

API int nvrtcGetSupportedArchs(int* result) {
    memcpy(result, architectures, sizeof architectures);
    return success;
}

API int nvrtcCreateProgram(Program** program, const char* source, const char*, int headerCount, const char* const*,
                           const char* const*) {
    if (headerCount) return invalidInput;
    *program = new Program{source, "", ""};
    return success;
}

API int nvrtcDestroyProgram(Program** program) {
    delete *program;
    *program = nullptr;
    return success;
}

API int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    for (int i = 0; i < count; ++i)
        if (!isKnown(options[i])) return invalidOption;
    return compile(*program);
}

API int nvrtcGetProgramLogSize(Program* program, size_t* size) {
    *size = program->log.size() + 1;
    return success;
}

API int nvrtcGetProgramLog(Program* program, char* log) {
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return success;
}

API int nvrtcGetCUBINSize(Program* program, size_t* size) {
    *size = program->cubin.size();
    return success;
}

API int nvrtcGetCUBIN(Program* program, char* cubin) {
    memcpy(cubin, program->cubin.data(), program->cubin.size());
    return success;
}
