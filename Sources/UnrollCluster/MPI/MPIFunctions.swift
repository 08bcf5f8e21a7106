import UnrollBase

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
