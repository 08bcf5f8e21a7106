"""A network that Unroll has trained, in PyTorch. To generate text: python model.py PROMPT [LENGTH]"""
import json, pathlib, sys, torch

folder = pathlib.Path(__file__).parent
names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))["tokens"]
numbers = {name: i for i, name in enumerate(names)}
encode = lambda text: [numbers.get(name, 0) for name in text]
decode = lambda ids: "".join(names[i] for i in ids)

class LanguageModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(28, 5)
        self.rnn = torch.nn.LSTM(5, 5, num_layers=2)
        self.decoder = torch.nn.Linear(5, 28)
        self.decoder.weight = self.embedding.weight

    def forward(self, tokens, state=None):
        """Logits [T, B, V] of what follows tokens [T, B], and the state of the network after them."""
        output, state = self.rnn(self.embedding(tokens), state)
        return self.decoder(output), state

def load():
    model = LanguageModel()
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    return model.eval()

@torch.no_grad()
def generate(model, prompt, length):
    read, written, state = encode(prompt) or [1], [], None
    while len(written) < length:
        logits, state = model(torch.tensor(read)[:, None], state)
        logits[-1, 0, 0] = -float("inf")  # never <unk>
        read = [torch.multinomial(logits[-1, 0].softmax(0), 1).item()]
        written += read
    return decode(written)

if __name__ == "__main__":
    prompt, length = sys.argv[1] if sys.argv[1:] else "\n", int(sys.argv[2]) if sys.argv[2:] else 200
    print(prompt + generate(load(), prompt, length))
