import UnrollText

/// Python functions between text and token ids, as a vocabulary cuts texts.
struct TorchTokens {
    /// Modules beside those that every file imports.
    let modules: [String]
    /// `encode(text)` and `decode(ids)`.
    let definitions: [String]
    /// What `print` has between a prompt and the text after it.
    let joint: String

    init(of vocabulary: Vocabulary) {
        let prepared: String
        switch vocabulary.preprocessing {
        case .none: prepared = "text"
        case .lowercase: prepared = #"re.sub(r"\s+", " ", text.lower())"#
        case .letters: prepared = #"re.sub("[^A-Za-z]+", " ", text).lower()"#
        }
        let re = vocabulary.preprocessing == .none ? [] : ["re"]
        joint = vocabulary.kind == .words ? "," : " +"
        guard vocabulary.kind != .subwords else {
            modules = re + ["tokenizers"]
            definitions = [
                #"tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))"#,
                "encode, decode = lambda text: tokenizer.encode(\(prepared)).ids, tokenizer.decode",
            ]
            return
        }
        modules = re
        let (tokens, text): (String, String)
        switch vocabulary.kind {
        case .characters, .subwords:
            (tokens, text) = (prepared, #""".join(names[i] for i in ids)"#)
        case .words:
            (tokens, text) = ("\(prepared).split()", #"" ".join(names[i] for i in ids)"#)
        case .bytes:
            // As the vocabulary writes bytes that are not ASCII.
            (tokens, text) = (
                #"(chr(b) if b < 128 else f"<0x{b:02X}>" for b in \#(prepared).encode())"#,
                #"bytes(ord(names[i]) if len(names[i]) == 1 else int(names[i][1:-1], 16) for i in ids).decode(errors="replace")"#
            )
        }
        definitions = [
            #"names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))["tokens"]"#,
            "numbers = {name: i for i, name in enumerate(names)}",
            "encode = lambda text: [numbers.get(name, 0) for name in \(tokens)]",
            "decode = lambda ids: \(text)",
        ]
    }
}
