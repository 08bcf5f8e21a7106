import UnrollBase

/// Why a file of another framework cannot become a model.
///
/// Damaged files are a `FileError`.
public enum ImportError: UnrollError, Equatable {
    /// The file is of a format that is not read.
    case unsupportedFile(path: String, ForeignFormat)
    /// A pickle holds an object of a class, and not only tensors, dictionaries, numbers and strings.
    case unknownClass(String)
    /// A tensor has an element of its storage more than once, or many tensors share one storage.
    case sharedElements(tensor: String)
    /// No tensor has a name that a recurrent layer's has; the names that there are.
    case noRecurrentLayers(names: [String])
    /// There are more tensors than any network has that can become a model.
    case tooManyTensors(Int, limit: Int)
    /// The names are those of more than one framework.
    case severalFrameworks([ForeignFramework])
    /// The network has a part that no model has, in or beside this tensor.
    case unsupportedFeature(ForeignFeature, tensor: String)
    /// A tensor of a layer is missing.
    case missingTensor(String)
    /// A tensor has another shape than its layer needs; `expected` says it in letters, such as "[4 H, H]".
    case wrongShape(name: String, shape: [Int], expected: String)
    /// A value is not finite, or does not fit 32 bits.
    case notFinite(name: String)
    /// Only the script knows which cell layers of one gate have.
    case ambiguousCell(known: [String])
    /// The layers have another number of gates than the cell that was named.
    case otherCell(String, gates: Int)
    /// More than one tensor, or group of tensors, can be a part of the model.
    case ambiguous(ImportedPart, candidates: [String])
    /// No tensor can be a part of the model; those that are left over, with their shapes.
    case missingPart(ImportedPart, candidates: [String])
    /// Nothing has the name that was given for a part.
    case unknownName(ImportedPart, name: String, known: [String])
    /// Nothing says which tokens the network's ids stand for.
    case noVocabulary(size: Int)
    /// The vocabulary has another number of tokens than the network.
    case vocabularySize(network: Int, vocabulary: Int, source: String)
    /// The file holds no vocabulary of a known form.
    case invalidVocabulary(path: String, reason: String)
    /// A token is neither a character nor a word, as special tokens are among characters.
    case unsupportedToken(id: Int, String)
}

extension ImportError {
    /// One line that says what is wrong and what to do about it; names from the file are written so that they stay on it.
    public var description: String { EscapedText.line(text) }

    private var text: String {
        switch self {
        case .unsupportedFile(let path, let format):
            "\(path): is \(format.rawValue); \(format.wayOut)"
        case .unknownClass(let name):
            "the file holds an object of the class '\(name)', which only its own program can make; "
                + "save the parameters alone, with torch.save(model.state_dict(), ...)"
        case .sharedElements(let name):
            "the tensor '\(name)' repeats elements of its storage, or shares them with many others; save a clone() of it"
        case .noRecurrentLayers(let names):
            "no tensor has the name of a recurrent layer's, such as 'lstm.weight_hh_l0', 'lstm_cell/recurrent_kernel', "
                + "'hi.kernel' or 'lstm.Wh' (there \(Self.list(names, none: "are none at all"))); "
                + "save the parameters under the names that the framework gives them"
        case .tooManyTensors(let count, let limit):
            "there are \(count) tensors, and no network that can become a model has more than \(limit); "
                + "save the recurrent network alone"
        case .severalFrameworks(let frameworks):
            "there are tensors with names of \(frameworks.map(\.rawValue).joined(separator: " and of ")); "
                + "save one network in a file"
        case .unsupportedFeature(let feature, let name):
            "the network has \(feature.rawValue) ('\(name)'), which models of Unroll do not have; "
                + "train one of embedding, recurrent layers and a linear decoder"
        case .missingTensor(let name):
            "the tensor '\(name)' is missing; save all parameters of the network"
        case .wrongShape(let name, let shape, let expected):
            "the tensor '\(name)' has the shape \(shape), but its layer needs \(expected); save the parameters unchanged"
        case .notFinite(let name):
            "the tensor '\(name)' has values that are not finite or too large for 32 bits; save a network that works"
        case .ambiguousCell(let known):
            "the layers have one gate, and the file does not say which function follows it; "
                + "name the cell that the script uses: \(known.joined(separator: " or ")), \(known.first ?? "") if it names none"
        case .otherCell(let name, let gates):
            "the layers have \(gates == 1 ? "1 gate" : "\(gates) gates"), which the cell '\(name)' does not have; "
                + "leave the cell to be found"
        case .ambiguous(let part, let candidates):
            "more than one can be \(part.phrase): \(candidates.joined(separator: ", ")); name the right one"
        case .missingPart(let part, let candidates):
            "nothing can be \(part.phrase) (there \(Self.list(candidates, none: "is nothing left"))); "
                + "name the tensor if its shape fits, and save the whole network if it is missing"
        case .unknownName(let part, let name, let known):
            "nothing of the name '\(name)' can be \(part.phrase); \(known.isEmpty ? "leave the name out" : "known: \(known.joined(separator: ", "))")"
        case .noVocabulary(let size):
            "the network has \(size) tokens, and nothing says which they are; give its vocabulary, or the text whose characters it numbers in order"
        case .vocabularySize(let network, let vocabulary, let source):
            "the network has \(network) tokens, but \(source) has \(vocabulary); give the one that it was trained with"
        case .invalidVocabulary(let path, let reason):
            "\(path): \(reason); give a JSON list of tokens, a JSON object from tokens to ids, or one token a line"
        case .unsupportedToken(let id, let token):
            "token \(id), \(token.debugDescription), is neither one character, as others are, nor a word; "
                + "train the network without special tokens other than <unk>"
        }
    }

    /// The first few of many names.
    private static func list(_ names: [String], none: String) -> String {
        let shown = 8
        guard !names.isEmpty else { return none }
        return (names.count == 1 ? "is " : "are ") + names.prefix(shown).joined(separator: ", ")
            + (names.count > shown ? " and \(names.count - shown) more" : "")
    }
}

/// A format of files that is recognized and not read.
public enum ForeignFormat: String, Sendable {
    /// What torch.save wrote before PyTorch 1.6.
    case legacyTorch = "a file of PyTorch before version 1.6"
    /// What torch.jit.save writes.
    case torchScript = "a TorchScript program"
    /// What a machine of the other byte order has saved.
    case bigEndianTorch = "a file of PyTorch with big-endian numbers"
    /// What `model.save("….keras")` writes.
    case keras = "a Keras archive"
    /// HDF5, Keras' earlier format.
    case hdf5 = "an HDF5 file"
    /// What `numpy.savez` and `mlx.core.savez` write.
    case numpy = "an archive of NumPy arrays"
    /// A zip archive with compressed or encrypted members.
    case compressedArchive = "a compressed zip archive"
    /// A zip archive of something else.
    case otherArchive = "a zip archive that torch.save has not written"
    /// Anything else.
    case unknown = "neither safetensors nor a file of torch.save"

    fileprivate var wayOut: String {
        switch self {
        case .legacyTorch, .bigEndianTorch:
            "load it with PyTorch and save its state_dict() with torch.save there"
        case .torchScript: "save the state_dict() of the module with torch.save"
        case .keras, .hdf5:
            "save safetensors of it in Python: save_file({v.path: keras.ops.convert_to_numpy(v) for v in model.weights}, ...)"
        case .numpy: "save safetensors of them, such as with mlx.core.save_safetensors"
        case .compressedArchive: "save it again with torch.save, which stores members as they are"
        case .otherArchive, .unknown: "give a file of parameters: safetensors, or what torch.save writes"
        }
    }
}

/// A framework whose names and layouts are known.
public enum ForeignFramework: String, Sendable {
    /// PyTorch's `nn.RNN`, `nn.LSTM` and `nn.GRU`.
    case torch = "PyTorch"
    /// Keras 3, and its layers in TensorFlow.
    case keras = "Keras"
    /// Flax, both linen and NNX.
    case flax = "Flax"
    /// MLX.
    case mlx = "MLX"
}

/// A part of networks that models do not have.
public enum ForeignFeature: String, Sendable {
    /// Layers that read the text from its end.
    case bidirectional = "bidirectional layers"
    /// LSTMs whose output is projected to fewer numbers.
    case projection = "a projection of the LSTM's output (proj_size)"
    /// GRUs that reset the state before its product.
    case resetBefore = "a GRU that resets the state before its product (reset_after=False)"
    /// Flax' minimal gated unit.
    case minimalGatedUnit = "minimal gated units (MGUCell)"
    /// Layers of different sizes.
    case differentSizes = "recurrent layers of different sizes"
    /// Layers of different cells.
    case differentCells = "recurrent layers of different cells"
    /// Weights that are computed from others.
    case reparameterization =
        "weights that are computed from others, as weight normalization and weight dropping do"
    /// Peephole connections.
    case peepholes = "peephole connections"
    /// Layer or batch normalization.
    case normalization = "normalization"
    /// Attention.
    case attention = "attention"
    /// Convolution.
    case convolution = "convolution"
    /// Linear layers beside the decoder.
    case linearLayers = "linear layers beside the decoder"
    /// Tensors of no known kind.
    case otherTensors = "tensors that belong to no known part"
}

/// A part of a model for which a tensor is chosen.
public enum ImportedPart: String, Sendable, CaseIterable {
    /// The dictionary of tensors in a checkpoint that holds several.
    case state
    /// The recurrent layers.
    case rnn
    /// The vectors of tokens.
    case embedding
    /// The linear layer that makes logits.
    case decoder

    fileprivate var phrase: String {
        switch self {
        case .state: "the network's parameters"
        case .rnn: "the recurrent layers"
        case .embedding: "the embedding"
        case .decoder: "the decoder"
        }
    }
}
