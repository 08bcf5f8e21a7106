import ExportedModels
import Foundation
import Testing
import UnrollBase
import UnrollInterchange
import UnrollModel

/// The exports in `Fixtures`, which ONNX Runtime and PyTorch have computed a text with.
enum Fixture {
    static let names = ExportedModels.examples.map(\.name)

    static func url(_ name: String) throws -> URL {
        let fixtures = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        return fixtures.appending(path: name)
    }

    /// The model of an export, which is a model folder itself.
    static func model(_ name: String) throws -> LanguageModel {
        try LanguageModel(contentsOf: url("\(name)-safetensors"), cells: ExportedModels.cells)
    }

    /// The nats of the text by the files that they were computed with.
    static func nats(_ name: String) throws -> [String: Double] {
        let data = try Data(contentsOf: url("judged.json"))
        return try #require(try JSONDecoder().decode([String: [String: Double]].self, from: data)[name])
    }

    /// A file of an export in ONNX.
    static func onnx(_ name: String, _ file: String) throws -> ONNXFileReader {
        try ONNXFileReader(Data(contentsOf: url("\(name)-onnx/\(file).onnx")))
    }
}

/// An ONNX file as a program reads it that knows the numbers of fields.
struct ONNXFileReader {
    struct Node {
        let operation: String
        let inputs: [String]
        let outputs: [String]
        /// The operators of a graph within it.
        let body: [Node]

        init(_ message: ProtobufMessage) throws {
            operation = try message.texts(4).joined()
            inputs = try message.texts(1)
            outputs = try message.texts(2)
            body = try message.messages(5).flatMap { try $0.messages(6) }.flatMap { try $0.messages(1) }
                .map(Node.init)
        }
    }

    let versions: [Int?]
    let nodes: [Node]
    /// The constant tensors' shapes, and the bytes of their elements.
    let tensors: [String: (shape: [Int], elements: Data)]
    let inputs: [String]
    let outputs: [String]
    let metadata: [String: String]

    init(_ data: Data) throws {
        let model = ProtobufMessage(data)
        let graph = try #require(try model.messages(7).first)
        versions = [try model.number(1), try model.messages(8).first?.number(2)]
        nodes = try graph.messages(1).map(Node.init)
        tensors = Dictionary(
            uniqueKeysWithValues: try graph.messages(5).map { tensor in
                (
                    try tensor.texts(8).joined(),
                    (shape: try tensor.numbers(1), elements: try tensor.bytes(9).first ?? Data())
                )
            })
        inputs = try graph.messages(11).flatMap { try $0.texts(1) }
        outputs = try graph.messages(12).flatMap { try $0.texts(1) }
        metadata = Dictionary(
            uniqueKeysWithValues: try model.messages(14).map { entry in
                (try entry.texts(1).joined(), try entry.texts(2).joined())
            })
    }

    /// How often each operator occurs, those within others too.
    var operations: [String: Int] {
        (nodes + nodes.flatMap(\.body)).reduce(into: [:]) { $0[$1.operation, default: 0] += 1 }
    }
}
