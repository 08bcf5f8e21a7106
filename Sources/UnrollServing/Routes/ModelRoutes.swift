#if Serving
import Hummingbird
import UnrollModel
import UnrollText

/// A model as OpenAI's clients know it, with what is our own under a key of its own.
struct ModelObject: Encodable {
    struct Facts: Encodable {
        let tokens: TokenKind
        let vocabulary: Int
        let parameters: Int
        let description: String
    }

    let id: String
    let object = "model"
    let created: Int
    let ownedBy = "unroll"
    let unroll: Facts

    private enum CodingKeys: String, CodingKey {
        case id, object, created, unroll
        case ownedBy = "owned_by"
    }

    init(_ version: ServedModel) {
        id = version.id
        created = version.created
        unroll = Facts(
            tokens: version.model.vocabulary.kind, vocabulary: version.model.vocabulary.count,
            parameters: version.model.parameters.scalarCount, description: version.description)
    }
}

/// Several objects of one kind.
struct ObjectList<Element: Encodable>: Encodable {
    let object = "list"
    let data: [Element]
}

extension ServerState {
    /// All models.
    func listModels() throws -> Response {
        try .json(ObjectList(data: models.all.map(ModelObject.init)))
    }

    /// One model.
    func describeModel(_ request: ClientRequest) throws -> Response {
        try .json(ModelObject(models.model(request.id)))
    }
}
#endif
