"""A network that Unroll has trained, in PyTorch. To generate text: python model.py PROMPT [LENGTH]"""
import json, pathlib, sys, torch, tokenizers

folder = pathlib.Path(__file__).parent
tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
encode, decode = lambda text: tokenizer.encode(text).ids, tokenizer.decode

class LanguageModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(288, 3)
        self.rnn = torch.nn.GRU(3, 2, num_layers=1)
        self.decoder = torch.nn.Linear(2, 288)

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
