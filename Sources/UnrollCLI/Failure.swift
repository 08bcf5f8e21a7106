import ArgumentParser
import Foundation
import Unroll
import UnrollBase
import UnrollRecipes
import UnrollReports

/// How a command ends when it does not end well: one line on standard error and an exit code.
struct Failure: Error {
    /// What to print; nil when everything has been said.
    let message: String?
    let exitCode: Int32
    /// Whether the message is what was asked for, such as help, and not an error.
    private var isAnswer = false

    static let interrupted: Int32 = 130
    static let usage: Int32 = 64

    init(_ message: String?, exitCode: Int32 = 1) {
        self.message = message
        self.exitCode = exitCode
    }

    init(_ error: any Error) {
        switch error {
        case let failure as Failure:
            self = failure
        case let error as ParameterError:
            self.init(error.description, exitCode: Self.usage)
        case let error as TextError:
            self.init(error.description, exitCode: error.isUsage ? Self.usage : 1)
        case let error as TrainingError:
            self.init(error.description, exitCode: error.isUsage ? Self.usage : 1)
        case let error as GenerationError:
            self.init(error.description, exitCode: error.isUsage ? Self.usage : 1)
        case let error as ParameterError:
            self.init(error.description, exitCode: Self.usage)
        case let error as RecipeError:
            self.init(error.description, exitCode: error.isUsage ? Self.usage : 1)
        case let error as KernelError:
            self.init(error.description, exitCode: error.isUsage ? Self.usage : 1)
        case let error as any Error & CustomStringConvertible where Self.isOurs(error):
            self.init(error.description)
        case is CancellationError:
            self.init("interrupted", exitCode: Self.interrupted)
        default:
            let code = UnrollCommand.exitCode(for: error)
            self.init(
                code == .success
                    ? UnrollCommand.fullMessage(for: error) : Self.line(UnrollCommand.message(for: error)),
                exitCode: code.rawValue)
            isAnswer = code == .success
        }
    }

    /// What the argument parser says, in one line, and where to read on if it does not say what to do.
    private static func line(_ message: String) -> String {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let isComplete = line.contains(";") || line.contains("Please") || line.contains("Did you mean")
        return isComplete ? line : line + "; see --help"
    }

    private static func isOurs(_ error: any Error) -> Bool {
        error is any UnrollError || error is ReportError
    }

    func exit() -> Never {
        if let message, isAnswer {
            Standard.output.write(message + "\n")
        } else if let message {
            // A progress bar may still be there.
            Standard.error.clearProgress()
            Standard.error.write("unroll: \(message)\n")
        }
        Foundation.exit(exitCode)
    }
}

extension TextError {
    /// Whether an option is wrong by itself, whatever the text.
    fileprivate var isUsage: Bool {
        switch self {
        case .minibatchTooLarge: true
        default: false
        }
    }
}

extension KernelError {
    fileprivate var isUsage: Bool {
        switch self {
        case .unavailable, .invalidThreadCount: true
        case .outOfResources: false
        }
    }
}

extension TrainingError {
    fileprivate var isUsage: Bool {
        switch self {
        case .invalidOption: true
        case .engine(let error): error is ParameterError || (error as? KernelError)?.isUsage == true
        case .text(let error): error.isUsage
        default: false
        }
    }
}

extension RecipeError {
    fileprivate var isUsage: Bool {
        switch self {
        case .unknownRecipe, .unknownSetting: true
        case .training(_, let error): error.isUsage
        default: false
        }
    }
}

extension GenerationError {
    fileprivate var isUsage: Bool {
        switch self {
        case .emptyPrompt, .unknownToken, .allTokensBanned: true
        default: false
        }
    }
}
