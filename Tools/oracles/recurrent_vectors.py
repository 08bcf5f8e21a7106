"""Writes what PyTorch computes for small language models, as the JSON vectors that the engine tests read.

    python Tools/oracles/recurrent_vectors.py Tests/UnrollEngineTests/Oracles

Every number that goes in is exact in float32; everything that comes out is float64. Sizes are pairwise different and
none is 1. A file holds, for each cell, several minibatches in a row whose state is carried over and detached (loss
and all gradients of each), the final state, and ten steps of clipped SGD.
"""

import json
import pathlib
import sys

import torch

torch.set_default_dtype(torch.float64)
T, B, V, H, CHUNKS, STEPS = 5, 3, 7, 6, 3, 10
LEARNING_RATE, CLIP = 0.5, 0.25


LAYERS = {
    "tanh": lambda: torch.nn.RNN(V, H, nonlinearity="tanh"),
    "relu": lambda: torch.nn.RNN(V, H, nonlinearity="relu"),
    "lstm": lambda: torch.nn.LSTM(V, H),
    "gru": lambda: torch.nn.GRU(V, H),
}


class LanguageModel(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn = LAYERS[cell]()
        self.decoder = torch.nn.Linear(H, V)

    def loss(self, inputs, targets, state):
        one_hot = torch.nn.functional.one_hot(inputs, V).to(torch.get_default_dtype())
        outputs, state = self.rnn(one_hot, state)
        logits = self.decoder(outputs)
        return torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1)), state


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def named(state):
    """The states by our names; PyTorch starts from zeros where there is none."""
    return {name: numbers(part) for name, part in zip("hc", state if isinstance(state, tuple) else (state,))}


def numbers(tensor):
    return tensor.detach().reshape(-1).tolist()


def clip(parameters):
    """Global-norm clipping as the book defines it; PyTorch's own adds 1e-6 to the norm."""
    gradients = [parameter.grad for parameter in parameters]
    norm = sum((gradient**2).sum() for gradient in gradients).sqrt().item()
    for gradient in gradients:
        gradient *= min(1, CLIP / norm)
    return norm


def vectors(cell):
    torch.manual_seed(20 + len(cell))
    model = LanguageModel(cell)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((torch.randn_like(parameter) * 0.6).float().double())
    start = {name: value.clone() for name, value in model.state_dict().items()}
    minibatches = [(torch.randint(V, (T, B)), torch.randint(V, (T, B))) for _ in range(CHUNKS)]

    chunks, state = [], None
    for inputs, targets in minibatches:
        model.zero_grad()
        loss, state = model.loss(inputs, targets, state)
        loss.backward()
        state = detached(state)
        chunks.append({
            "inputs": inputs.reshape(-1).tolist(),
            "targets": targets.reshape(-1).tolist(),
            "loss": loss.item(),
            "gradients": {name: numbers(p.grad) for name, p in model.named_parameters()},
            "states": named(state),
        })

    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    losses, norms, state = [], [], None
    for step in range(STEPS):
        inputs, targets = minibatches[step % CHUNKS]
        optimizer.zero_grad()
        loss, state = model.loss(inputs, targets, state)
        loss.backward()
        state = detached(state)
        norms.append(clip(model.parameters()))
        optimizer.step()
        losses.append(loss.item())

    return {
        "cell": cell, "timeSteps": T, "batchSize": B, "vocabularySize": V, "hiddenSize": H,
        "parameters": {name: numbers(value) for name, value in start.items()},
        "chunks": chunks,
        "training": {
            "learningRate": LEARNING_RATE, "gradientNormBound": CLIP, "losses": losses, "gradientNorms": norms,
            "finalParameters": {name: numbers(value) for name, value in model.state_dict().items()},
        },
    }


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for cell in LAYERS:
    (folder / f"{cell}.json").write_text(json.dumps(vectors(cell), indent=1) + "\n")
