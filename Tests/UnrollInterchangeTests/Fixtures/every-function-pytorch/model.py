"""A network that Unroll has trained, in PyTorch. To generate text: python model.py PROMPT [LENGTH]"""
import json, pathlib, sys, torch

folder = pathlib.Path(__file__).parent
names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))["tokens"]
numbers = {name: i for i, name in enumerate(names)}
encode = lambda text: [numbers.get(name, 0) for name in text]
decode = lambda ids: "".join(names[i] for i in ids)

class Recurrent(torch.nn.Module):
    # Layers of the cell "every-function", whose formula is in step.
    def __init__(self):
        super().__init__()
        for layer, size in enumerate([28, 4]):
            for name, shape in self.shapes(size).items():
                self.register_parameter(f"{name}_l{layer}", torch.nn.Parameter(torch.empty(shape)))

    def shapes(self, size):
        return {"weight_ih": (16, size), "weight_hh": (16, 4), "bias_ih": (16,), "bias_hh": (16,)}

    def forward(self, x, state=None):
        if state is None:
            state = [self.bias_hh_l0.new_zeros(2, x.shape[1], 4)] * 4
        after = []
        for layer in range(2):
            p = {name: getattr(self, f"{name}_l{layer}") for name in self.shapes(0)}
            gates = (p["weight_ih"].T[x] if layer == 0 else x @ p["weight_ih"].T) + p["bias_ih"]
            steps = [[each[layer] for each in state]]
            for t in range(len(x)):
                steps.append(self.step(x[t], gates[t], steps[-1], p))
            x = torch.stack([step[0] for step in steps[1:]])
            after.append(steps[-1])
        return x, [torch.stack(layers) for layers in zip(*after)]

    def step(self, x, gates, state, p):
        old_h, old_s, old_m, old_fixed = state
        input0, input1, input2, input3 = gates.chunk(4, -1)
        hidden = old_h @ p["weight_hh"].T + p["bias_hh"]
        gate0, gate1, gate2, gate3 = hidden.chunk(4, -1)
        gate0 = gate0 + input0
        gate2 = gate2 + input2
        gate3 = gate3 + input3
        v1 = torch.nn.functional.softplus(gate0) + 0.1
        v2 = 0.3 * torch.sqrt(v1) - torch.log(v1) / 3.0
        v3 = (input1 + gate1) / (2.0 + torch.exp(0.0 - gate2))
        v4 = gate3 * torch.sigmoid(gate3) + torch.pow(v1, 1.5) * 0.1 - (v2 - (v3 - old_s))
        v5 = torch.clamp(v2, max=1.0) + torch.clamp(v3, min=-0.5) * (v2 * (v1 / (1.0 + v1)))
        v6 = (v4 + v5 - (torch.abs(old_s) * 0.2 + 0.2913126)) / (1.0 + 0.3 * torch.sigmoid(input1))
        v7 = torch.maximum(0.8 * old_m - torch.nn.functional.softplus(0.0 - gate3), torch.clamp(v3, max=-0.5))
        v8 = 1.0 / (1.0 + old_s * old_s) + 2.0 / torch.sqrt(1.0 + torch.exp(v7))
        v9 = torch.tanh(0.5 * v6) * v8 + torch.relu(gate1) * 0.1 + old_fixed
        v10 = torch.maximum(v3 - 0.2, torch.minimum(0.5 * old_s, v2)) * 0.6
        return old_h + 0.9 * (v9 - old_h), old_s + 0.7 * (v10 - old_s), old_m + 0.7 * (v7 - old_m), old_fixed + 0.7 * (0.25 - old_fixed)

class LanguageModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = Recurrent()
        self.decoder = torch.nn.Linear(4, 28)

    def forward(self, tokens, state=None):
        """Logits [T, B, V] of what follows tokens [T, B], and the state of the network after them."""
        output, state = self.rnn(tokens, state)
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
