"""NVRTC, the compiler of kernels, from Python; and what kernels may use, for the scripts beside this file."""
import ctypes
import os
import pathlib
import re
import subprocess
import sys

PACKAGE = "nvidia-cuda-nvrtc==13.0.88"
LIBRARIES = "nvidia/cu13/lib"
# Those of KernelCompiler.swift.
OPTIONS = ["-std=c++17", "-diag-suppress=177"]
MAXIMUM_REGISTERS = 255
MAXIMUM_SHARED = 48 * 1024
REGISTERS_OF_A_BLOCK = 65536


class NVRTC:
    def __init__(self, folder):
        if folder is None:
            raise RuntimeError(f"there is no NVRTC; install {PACKAGE} with pip, or set UNROLL_NVRTC to its folder")
        # NVRTC asks for its second library by its bare name, which the loader knows once it is loaded.
        for name in ["libnvrtc-builtins.so.*", "libnvrtc.so.*"]:
            self.library = ctypes.CDLL(str(next(folder.glob(name))))
        self.library.nvrtcGetErrorString.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code != 0:
            raise RuntimeError(f"{name}: {self.library.nvrtcGetErrorString(code).decode()}")

    def text(self, program, name):
        """A text that NVRTC has of a program: its log or its PTX."""
        size = ctypes.c_size_t()
        self.call(f"nvrtcGet{name}Size", program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        self.call(f"nvrtcGet{name}", program, text)
        return text.value.decode(errors="replace")

    def code(self, program):
        size = ctypes.c_size_t()
        self.call("nvrtcGetCUBINSize", program, ctypes.byref(size))
        code = ctypes.create_string_buffer(size.value)
        self.call("nvrtcGetCUBIN", program, code)
        return code.raw

    def compile(self, name, source, architecture):
        """Compiles a text.

        Returns the compiler's messages, the PTX and the code of the architecture; these are None if there are errors.
        """
        options = [f"-arch={architecture}", "--ptxas-options=-v", *OPTIONS]
        program = ctypes.c_void_p()
        self.call(
            "nvrtcCreateProgram", ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
        try:
            array = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
            failed = self.library.nvrtcCompileProgram(program, len(options), array) != 0
            log = self.text(program, "ProgramLog")
            return (log, None, None) if failed else (log, self.text(program, "PTX"), self.code(program))
        finally:
            self.call("nvrtcDestroyProgram", ctypes.byref(program))


def find():
    """A folder that has NVRTC, where there is one: what UNROLL_NVRTC names, Python's packages, or CUDA's toolkit."""
    named = os.environ.get("UNROLL_NVRTC")
    places = [pathlib.Path(named)] if named else [
        *(pathlib.Path(place or ".") / LIBRARIES for place in sys.path), pathlib.Path("/usr/local/cuda/lib64")]
    return next((place for place in places if any(place.glob("libnvrtc.so.*"))), None)


def install(folder):
    """Installs NVRTC into a folder; ends the script where that cannot be done."""
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder,
        PACKAGE,
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        reason = (result.stderr.strip() or "pip gives no reason").splitlines()[-1]
        print(f"skipped: kernels are not compiled, as {PACKAGE} cannot be installed: {reason}")
        sys.exit(0)
    return pathlib.Path(folder) / LIBRARIES


def usages(log):
    """What each kernel uses, by its name: registers, shared memory, stack and spills in bytes."""
    parts = re.split(r"Compiling entry function '(\w+)' for '\w+'", log)[1:]
    for name, text in zip(parts[::2], parts[1::2]):
        def number(pattern):
            found = re.search(pattern, text)
            return int(found[1]) if found else 0

        registers = number(r"Used (\d+) registers")
        if registers == 0 or "spill stores" not in text:
            sys.exit(f"the assembler's messages have another form than is known here:\n{log}")
        spills = number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads")
        yield name, registers, number(r"(\d+) bytes smem"), number(r"(\d+) bytes stack frame"), spills


def bounds(ptx):
    """How many threads a block of each kernel may have, by the kernel's name, for those that have a bound."""
    entries = re.split(r"\.entry (\w+)\s*\(", ptx)[1:]
    for name, text in zip(entries[::2], entries[1::2]):
        # The directives of an entry stand between its parameters and its body.
        if found := re.search(r"\.maxntid (\d+)(?:, (\d+))?(?:, (\d+))?", text.split("{")[0]):
            threads = 1
            for size in found.groups(default="1"):
                threads *= int(size)
            yield name, threads


def hasty(ptx):
    """The kernels that touch global memory before they wait for the kernels before them, as they may start early."""
    entries = re.split(r"\.entry (\w+)\s*\(", ptx)[1:]
    for name, text in zip(entries[::2], entries[1::2]):
        before, wait, _ = text.partition("griddepcontrol.wait")
        if wait and re.search(r"\b(ld|st|atom|red|cp)\.(\w+\.)*global", before):
            yield name


def broken_rules(registers, shared, spills, threads):
    if spills:
        yield f"{spills} bytes are spilled"
    if registers > MAXIMUM_REGISTERS:
        yield f"more than {MAXIMUM_REGISTERS} registers"
    if shared > MAXIMUM_SHARED:
        yield f"more than {MAXIMUM_SHARED} bytes of static shared memory"
    if threads is None:
        yield "no bound on the threads of a block"
        return
    # Registers are given to warps of 32 threads, 8 to a thread at a time.
    of_a_block = -(-registers // 8) * 8 * -(-threads // 32) * 32
    if of_a_block > REGISTERS_OF_A_BLOCK:
        yield f"a block of {threads} threads needs {of_a_block} registers, more than {REGISTERS_OF_A_BLOCK}"


def check(nvrtc, sources, architectures):
    """Compiles all sources, prints what they use, and returns the number of rules that are broken."""
    findings = []
    row = "{:40} {:8} {:>7} {:>9} {:>7} {:>6} {:>6}"
    print(row.format("kernel", "arch", "threads", "registers", "shared", "stack", "spills"))
    for path in sources:
        for architecture in architectures:
            where = f"{path.name}, {architecture}"
            log, ptx, _ = nvrtc.compile(path.name, path.read_text(encoding="utf-8"), architecture)
            if ptx is None:
                findings.append(f"{where}: it does not compile:\n{log.strip()}")
                continue
            threads, kernels = dict(bounds(ptx)), list(usages(log))
            if not kernels:
                findings.append(f"{where}: there is no kernel in it")
            findings += [f"{where}: {name}: memory is touched before earlier kernels have ended" for name in hasty(ptx)]
            for name, registers, shared, stack, spills in kernels:
                bound = threads.get(name)
                label = f"{path.stem}/{name}"
                print(row.format(label, architecture, bound or "-", registers, shared, stack, spills))
                findings += [
                    f"{where}: {name}: {rule}" for rule in broken_rules(registers, shared, spills, bound)]
    print("\n".join(findings) or "every kernel compiles and keeps to the rules")
    return len(findings)
