import UnrollBase

/// What differs between binary interfaces of MPI: the values of constants, and the size of handles.
///
/// Handles, such as those of communicators, are passed as the numbers that registers hold: pointers in Open MPI and in the
/// standard interface, and 32-bit numbers in MPICH and its kin, for which the upper half of a register does not count.
package struct MPIInterface: Sendable {
    /// A handle in a register.
    package typealias Handle = UInt

    /// MPI_COMM_WORLD: all processes.
    package let world: Handle
    /// MPI_BYTE: the type of memory that is sent as it is.
    package let byte: Handle
    /// MPI_ERRORS_RETURN: errors are returned, and do not end the process.
    package let errorsReturn: Handle
    /// MPI_STATUS_IGNORE and MPI_STATUSES_IGNORE as a number.
    package let statusIgnore: UInt
    /// MPI_ANY_SOURCE: a message from any process.
    package let anySource: Int32
    /// MPI_THREAD_SERIALIZED: threads call MPI, one at a time.
    package let serialized: Int32
    /// The bytes of a handle in memory.
    package let handleSize: Int
    /// MPI_Status: its bytes, and where among them the code of the error is.
    package let status: (size: Int, error: Int)

    /// The standard interface of MPI 5: `mpi_abi.h` in appendix A of the standard.
    package static let standard = MPIInterface(
        world: 0x101, byte: 0x247, errorsReturn: 0x143, statusIgnore: 0, anySource: -1, serialized: 2048,
        handleSize: MemoryLayout<UInt>.size, status: (32, 8))

    /// The interface that MPICH has had since version 3.1, and Intel MPI, MVAPICH and Cray MPI with it.
    package static let mpich = MPIInterface(
        world: 0x4400_0000, byte: 0x4c00_010d, errorsReturn: 0x5400_0001, statusIgnore: 1, anySource: -2,
        serialized: 2, handleSize: MemoryLayout<Int32>.size, status: (20, 16))

    /// The interface of Open MPI, where handles are addresses of variables.
    package static func openMPI(world: UInt, byte: UInt, errorsReturn: UInt) -> MPIInterface {
        MPIInterface(
            world: world, byte: byte, errorsReturn: errorsReturn, statusIgnore: 0, anySource: -1,
            serialized: 2, handleSize: MemoryLayout<UInt>.size, status: (24, 8))
    }

    /// The interface of a library, told from what it has.
    ///
    /// - Throws: `DynamicLibrary.Failure` if it is of no known kind.
    package init(of library: DynamicLibrary) throws(DynamicLibrary.Failure) {
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
        serialized: Int32, handleSize: Int, status: (size: Int, error: Int)
    ) {
        self.world = world
        self.byte = byte
        self.errorsReturn = errorsReturn
        self.statusIgnore = statusIgnore
        self.anySource = anySource
        self.serialized = serialized
        self.handleSize = handleSize
        self.status = status
    }
}
