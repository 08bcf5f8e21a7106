import ArgumentParser
import Foundation
import Unroll
import UnrollGeneration

/// A conversation in which a person picks the next token; the text is the result, all else goes to standard error.
struct InteractiveSession {
    private var guided: GuidedText
    private let prompt: String
    private let readsEscapes: Bool
    private static let choiceCount = 9

    init(_ guided: GuidedText, prompt: String, readsEscapes: Bool) {
        self.guided = guided
        self.prompt = prompt
        self.readsEscapes = readsEscapes
    }

    /// Asks until the person, or the input, has enough.
    mutating func run() throws {
        Standard.error.write(
            "1-9 or a text to go on with it (=1 for the text 1), Enter for 1, u to undo, q to quit\n")
        while true {
            let choices = try guided.choices(Self.choiceCount)
            show(choices)
            guard let answer = readLine(), answer != "q" else { break }
            try act(on: answer, choices)
        }
        Standard.output.write(prompt + guided.text + "\n")
    }

    private func show(_ choices: [GuidedText.Choice]) {
        let end = EscapedText.encode(String((prompt + guided.text).suffix(60)))
        let lines = choices.enumerated().map { index, choice in
            "  \(index + 1)  \(NumberFormat.fixed(Double(choice.probability), decimals: 3))  "
                + "'\(EscapedText.encode(choice.name))'"
        }
        Standard.error.write("\n\(end)\n" + lines.joined(separator: "\n") + "\n> ")
    }

    private mutating func act(on answer: String, _ choices: [GuidedText.Choice]) throws {
        if answer == "u" {
            if !guided.undo() { Standard.error.write("there is nothing to undo\n") }
        } else if let number = answer.isEmpty ? 1 : Int(answer) {
            guard choices.indices.contains(number - 1) else {
                Standard.error.write("there is no choice \(number); for the text, type =\(number)\n")
                return
            }
            try guided.choose(choices[number - 1])
        } else {
            let typed = answer.hasPrefix("=") ? String(answer.dropFirst()) : answer
            do {
                let text = readsEscapes ? try EscapedText.decode(typed, of: "the text") : typed
                UnknownTokens.note(guided.unknownTokens(in: text))
                try guided.append(text)
            } catch let error as ValidationError {
                Standard.error.say(error.message)
            }
        }
    }
}

/// Says what of a text the model has never seen.
enum UnknownTokens {
    static func note(_ unknown: [String]) {
        guard !unknown.isEmpty else { return }
        let list = unknown.prefix(10).map { "'\(EscapedText.encode($0))'" }.joined(separator: ", ")
        let more = unknown.count > 10 ? " and \(unknown.count - 10) more" : ""
        Standard.error.write("note: the model has never seen \(list)\(more); read as unknown\n")
    }
}
