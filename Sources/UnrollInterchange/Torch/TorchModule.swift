import UnrollBase
import UnrollModel
import UnrollText

/// `model.py`: a PyTorch module for an exported network, and a command that generates text with it.
struct TorchModule {
    static let (name, parametersName) = ("model.py", FileSignature.torchName)

    /// The text of the file.
    let text: String

    /// Writes a module for a model's network: PyTorch's layers where it has them, otherwise the cell's formula.
    ///
    /// - Throws: `ModelError` if the cell is not well-formed.
    init(of model: LanguageModel) throws(ModelError) {
        let configuration = model.configuration
        let (V, H, L) = (model.vocabulary.count, configuration.hiddenSize, configuration.layerCount)
        var layers: [String] = []
        let recurrent: String
        if let known = KnownCell(configuration) {
            recurrent = known.torchLayer("\(configuration.embeddingSize ?? V), \(H), num_layers=\(L)")
        } else {
            layers = try TorchLayers(configuration, vocabularySize: V).lines
            recurrent = "Recurrent()"
        }
        let takesTokens = configuration.embeddingSize == nil && !layers.isEmpty
        let inputs =
            configuration.embeddingSize != nil
            ? "self.embedding(tokens)"
            : takesTokens ? "tokens" : "torch.nn.functional.one_hot(tokens, \(V)).to(self.decoder.bias.dtype)"

        var modules = ["self.rnn = \(recurrent)", "self.decoder = torch.nn.Linear(\(H), \(V))"]
        if let size = configuration.embeddingSize {
            modules.insert("self.embedding = torch.nn.Embedding(\(V), \(size))", at: 0)
        }
        if configuration.tiesWeights { modules.append("self.decoder.weight = self.embedding.weight") }

        let tokens = TorchTokens(of: model.vocabulary)
        let lines =
            [
                #""""A network that Unroll has trained, in PyTorch. To generate text: python model.py PROMPT [LENGTH]""""#,
                "import \((["json", "pathlib", "sys", "torch"] + tokens.modules).joined(separator: ", "))",
                "",
                "folder = pathlib.Path(__file__).parent",
            ] + tokens.definitions + layers + [
                "",
                "class LanguageModel(torch.nn.Module):",
                "    def __init__(self):",
                "        super().__init__()",
            ] + modules.map { "        \($0)" } + [
                "",
                "    def forward(self, tokens, state=None):",
                #"        """Logits [T, B, V] of what follows tokens [T, B], and the state of the network after them.""""#,
                "        output, state = self.rnn(\(inputs), state)",
                "        return self.decoder(output), state",
                "",
                "def load():",
                "    model = LanguageModel()",
                #"    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))"#,
                "    return model.eval()",
                "",
                "@torch.no_grad()",
                "def generate(model, prompt, length):",
                "    read, written, state = encode(prompt) or [1], [], None",
                "    while len(written) < length:",
                "        logits, state = model(torch.tensor(read)[:, None], state)",
                #"        logits[-1, 0, 0] = -float("inf")  # never <unk>"#,
                "        read = [torch.multinomial(logits[-1, 0].softmax(0), 1).item()]",
                "        written += read",
                "    return decode(written)",
                "",
                #"if __name__ == "__main__":"#,
                #"    prompt, length = sys.argv[1] if sys.argv[1:] else "\n", int(sys.argv[2]) if sys.argv[2:] else 200"#,
                "    print(prompt\(tokens.joint) generate(load(), prompt, length))",
            ]
        text = lines.map { $0 + "\n" }.joined()
    }
}

extension KnownCell {
    /// PyTorch's layers with these arguments.
    fileprivate func torchLayer(_ arguments: String) -> String {
        switch self {
        case .tanh: "torch.nn.RNN(\(arguments))"
        case .relu: "torch.nn.RNN(\(arguments), nonlinearity=\"relu\")"
        case .lstm: "torch.nn.LSTM(\(arguments))"
        case .gru: "torch.nn.GRU(\(arguments))"
        }
    }
}
