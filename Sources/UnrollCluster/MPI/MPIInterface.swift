import UnrollBase

/// What differs between binary interfaces of MPI: the values of constants, and the size of handles.
///
/// Handles, such as those of communicators, are passed as the numbers that registers hold: pointers in Open MPI and in the
/// standard interface, and 32-bit numbers in MPICH and its kin, for which the upper half of a register does not count.
struct MPIInterface: Sendable, Equatable {
    /// A handle in a register.
    typealias Handle = UInt

    /// MPI_COMM_WORLD: all processes.
    let world: Handle
    /// MPI_BYTE: the type of memory that is sent as it is.
    let byte: Handle
    /// MPI_ERRORS_RETURN: errors are returned, and do not end the process.
    let errorsReturn: Handle
    /// MPI_STATUS_IGNORE and MPI_STATUSES_IGNORE as a number.
    let statusIgnore: UInt
    /// MPI_ANY_SOURCE: a message from any process.
    let anySource: Int32
    /// MPI_THREAD_SERIALIZED: threads call MPI, one at a time.
    let serialized: Int32
    /// The bytes of a handle in memory.
    let handleSize: Int

    /// The standard interface of MPI 5: `mpi_abi.h` in appendix A of the standard.
    static let standard = MPIInterface(
        world: 0x101, byte: 0x247, errorsReturn: 0x143, statusIgnore: 0, anySource: -1, serialized: 2048,
        handleSize: MemoryLayout<UInt>.size)

    /// The interface that MPICH has had since version 3.1, and Intel MPI, MVAPICH and Cray MPI with it.
    static let mpich = MPIInterface(
        world: 0x4400_0000, byte: 0x4c00_010d, errorsReturn: 0x5400_0001, statusIgnore: 1, anySource: -2,
        serialized: 2, handleSize: MemoryLayout<Int32>.size)

    /// The interface of Open MPI, where handles are addresses of variables.
    static func openMPI(world: UInt, byte: UInt, errorsReturn: UInt) -> MPIInterface {
        MPIInterface(
            world: world, byte: byte, errorsReturn: errorsReturn, statusIgnore: 0, anySource: -1,
            serialized: 2,
            handleSize: MemoryLayout<UInt>.size)
    }

    /// The interface of a library, told from what it has.
    ///
    /// - Throws: `DynamicLibrary.Failure` if it is of no known kind.
    init(of library: DynamicLibrary) throws(DynamicLibrary.Failure) {
        // Libraries of other interfaces may have this function, too, and then return -1.
        typealias GetVersion =
            @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
        if let getVersion = try? library.function("MPI_Abi_get_version", as: GetVersion.self) {
            var (major, minor): (Int32, Int32) = (-1, -1)
            if getVersion(&major, &minor) == 0, major >= 1 {
                self = .standard
                return
            }
        }
        if let world = try? library.address(of: "ompi_mpi_comm_world") {
            self = .openMPI(
                world: UInt(bitPattern: world),
                byte: UInt(bitPattern: try library.address(of: "ompi_mpi_byte")),
                errorsReturn: UInt(bitPattern: try library.address(of: "ompi_mpi_errors_return")))
            return
        }
        // A function of its own that all versions export.
        _ = try library.address(of: "MPIR_Err_return_comm")
        self = .mpich
    }

    private init(
        world: Handle, byte: Handle, errorsReturn: Handle, statusIgnore: UInt, anySource: Int32,
        serialized: Int32,
        handleSize: Int
    ) {
        self.world = world
        self.byte = byte
        self.errorsReturn = errorsReturn
        self.statusIgnore = statusIgnore
        self.anySource = anySource
        self.serialized = serialized
        self.handleSize = handleSize
    }
}

/// The functions of MPI that are used, found in a library by name.
///
/// Pointers to handles are raw, as handles have no size of their own here. All functions return 0 for success.
struct MPIFunctions: Sendable {
    typealias Handle = MPIInterface.Handle
    typealias Number = UnsafeMutablePointer<Int32>
    typealias Transfer =
        @convention(c) (
            UnsafeMutableRawPointer?, Int32, Handle, Int32, Int32, Handle, UnsafeMutableRawPointer
        ) -> Int32
    typealias Question = @convention(c) (Handle, Number) -> Int32
    typealias Text = UnsafeMutablePointer<CChar>

    let initialize:
        @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int32, Number) -> Int32
    let finalize: @convention(c) () -> Int32
    let communicatorSize: Question
    let communicatorRank: Question
    let duplicate: @convention(c) (Handle, UnsafeMutableRawPointer) -> Int32
    let setErrorHandler: @convention(c) (Handle, Handle) -> Int32
    /// Memory, count, type, receiver, tag, communicator, request.
    let send: Transfer
    /// Memory, count, type, sender, tag, communicator, request.
    let receive: Transfer
    let test: @convention(c) (UnsafeMutableRawPointer, Number, UnsafeMutableRawPointer?) -> Int32
    /// Count and requests; count and places of those that are done, statuses.
    let testSome:
        @convention(c) (Int32, UnsafeMutableRawPointer, Number, Number, UnsafeMutableRawPointer?) -> Int32
    let cancel: @convention(c) (UnsafeMutableRawPointer) -> Int32
    let errorText: @convention(c) (Int32, Text, Number) -> Int32

    /// - Throws: `DynamicLibrary.Failure` if one is missing.
    init(in library: DynamicLibrary) throws(DynamicLibrary.Failure) {
        initialize = try library.function("MPI_Init_thread")
        finalize = try library.function("MPI_Finalize")
        communicatorSize = try library.function("MPI_Comm_size")
        communicatorRank = try library.function("MPI_Comm_rank")
        duplicate = try library.function("MPI_Comm_dup")
        setErrorHandler = try library.function("MPI_Comm_set_errhandler")
        send = try library.function("MPI_Isend")
        receive = try library.function("MPI_Irecv")
        test = try library.function("MPI_Test")
        testSome = try library.function("MPI_Testsome")
        cancel = try library.function("MPI_Cancel")
        errorText = try library.function("MPI_Error_string")
    }
}
