import Foundation

/// A shared library that is found when the program runs; it stays loaded until the process ends.
package final class DynamicLibrary: Sendable {
    /// Why a library or a function of it cannot be had, in the loader's words.
    package struct Failure: Error, Equatable {
        /// One line.
        package let reason: String

        fileprivate static func last(_ otherwise: String) -> Failure {
            Failure(reason: dlerror().map { EscapedText.line(String(cString: $0)) } ?? otherwise)
        }
    }

    /// The path, or the name by which the loader found it.
    package let name: String
    /// The loader's handle as a number, as pointers may not be shared; it is only ever handed to the loader.
    private let handle: UInt

    /// Loads a library with all that it needs, or finds it loaded.
    ///
    /// - Parameters:
    ///   - name: A path, or a bare name that is looked for where the system's libraries are.
    ///   - isGlobal: Whether libraries that it loads later, such as plugins, find its functions. Default: false.
    /// - Throws: `Failure`, as `function` does.
    package init(_ name: String, isGlobal: Bool = false) throws(Failure) {
        guard let handle = dlopen(name, RTLD_NOW | (isGlobal ? RTLD_GLOBAL : RTLD_LOCAL)) else {
            throw .last("\(name) cannot be loaded")
        }
        self.name = name
        self.handle = UInt(bitPattern: handle)
    }

    /// Finds a function.
    ///
    /// - Parameters:
    ///   - name: The function's name in the library.
    ///   - type: Its type, `@convention(c)`. That it is the right one cannot be checked.
    /// - Returns: The function, which may be called as long as the process lives.
    /// - Throws: `Failure` if there is none of this name.
    package func function<Function>(_ name: String, as type: Function.Type = Function.self) throws(Failure)
        -> Function
    {
        precondition(
            MemoryLayout<Function>.size == MemoryLayout<UnsafeMutableRawPointer>.size,
            "\(type) is not the type of a C function")
        return unsafeBitCast(try address(of: name), to: type)
    }

    /// The address of a variable or a function.
    ///
    /// - Parameter name: Its name in the library.
    /// - Returns: The address, which is valid as long as the process lives.
    /// - Throws: `Failure` if there is none of this name.
    package func address(of name: String) throws(Failure) -> UnsafeMutableRawPointer {
        guard let address = dlsym(UnsafeMutableRawPointer(bitPattern: handle), name) else {
            throw .last("\(self.name) has no symbol \(name)")
        }
        return address
    }
}
