import Testing
import UnrollBase

@Suite struct DynamicLibraryTests {
    #if os(macOS)
        private let systemLibrary = "libSystem.dylib"
    #else
        private let systemLibrary = "libc.so.6"
    #endif

    @Test func aFunctionIsFoundByItsName() throws {
        let library = try DynamicLibrary(systemLibrary)
        let absolute: @convention(c) (Int32) -> Int32 = try library.function("abs")
        #expect(absolute(-3) == 3)
    }

    @Test func aVariableIsFoundByItsName() throws {
        let library = try DynamicLibrary(systemLibrary, isGlobal: true)
        #expect(try library.address(of: "environ").load(as: UInt.self) != 0)
        let error = #expect(throws: DynamicLibrary.Failure.self) { try library.address(of: "unroll_missing") }
        #expect(error?.reason.contains("unroll_missing") == true)
    }

    @Test func theLoaderSaysWhatIsMissing() throws {
        let library = try DynamicLibrary(systemLibrary)
        let error = #expect(throws: DynamicLibrary.Failure.self) {
            try library.function("unroll_missing", as: (@convention(c) () -> Void).self)
        }
        #expect(error?.reason.contains("unroll_missing") == true)
        let other = #expect(throws: DynamicLibrary.Failure.self) {
            try DynamicLibrary("libunroll-missing.so")
        }
        #expect(other?.reason.contains("libunroll-missing.so") == true)
    }
}
