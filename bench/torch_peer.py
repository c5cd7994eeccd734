"""PyTorch on the processor, told line by line in JSON what to do; it times itself. See torch-contender.ts."""

import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


class Unsupported(Exception):
    pass


def load(array):
    dtype = np.int32 if array["dtype"] == "i32" else np.float32
    data = np.fromfile(array["file"], dtype=dtype).reshape(array["shape"])
    tensor = torch.from_numpy(data)
    return tensor.long() if array["dtype"] == "i32" else tensor


def operation(problem, t, constants):
    """The function of a problem, of no arguments, that returns one tensor."""
    kind = problem["kind"]
    if kind == "matmul":
        return lambda: t["a"] @ t["b"]
    if kind == "softmax":
        return lambda: torch.softmax(t["x"], -1)
    if kind == "layerNorm":
        shape = (problem["columns"],)
        return lambda: F.layer_norm(t["x"], shape, t["weight"], t["bias"], constants["epsilon"])
    if kind == "elementwise":
        return lambda: F.gelu(torch.addcmul(t["z"], t["x"], t["y"]))
    if kind == "attention":
        return lambda: attention(t["q"], t["k"], t["v"], False)
    if kind == "copy":
        return lambda: t["x"] * 2
    raise Unsupported(f"not written for it: {kind}")


def attention(q, k, v, causal):
    fused = getattr(F, "scaled_dot_product_attention", None)  # since PyTorch 2
    if fused is not None:
        return fused(q, k, v, is_causal=causal)
    scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.transpose(-1, -2)
    if causal:
        length = q.shape[-2]
        scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), -1e30)
    return torch.softmax(scores, -1) @ v


class Llama:
    def __init__(self, problem, tensors, constants):
        self.problem = problem
        self.constants = constants
        self.ids = tensors["ids"]
        self.labels = tensors["labels"]
        self.start = {name: x for name, x in tensors.items() if name not in ("ids", "labels")}
        self.turn_from(0, problem["tokens"])
        self.reset()

    def turn_from(self, first, tokens):
        width = self.problem["dim"] // self.problem["heads"]
        powers = -torch.arange(width // 2, dtype=torch.float64) / (width // 2)
        positions = torch.arange(first, first + tokens, dtype=torch.float64)
        angles = positions[:, None] * self.constants["ropeTheta"] ** powers
        self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def attend(self, layer, q, k, v):
        return attention(q, k, v, True)

    def reset(self):
        self.weights = {name: x.clone().requires_grad_(self.problem["mode"] != "forward") for name, x in self.start.items()}
        constants = self.constants
        if self.problem["mode"] == "adamw":
            self.optimizer = torch.optim.AdamW(
                self.weights.values(), lr=constants["learningRate"], weight_decay=constants["weightDecay"]
            )

    def norm(self, x, weight):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.constants["epsilon"]) * weight

    def rotate(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], -1)

    def logits(self):
        problem, w = self.problem, self.weights
        batch, length = self.ids.shape
        split = lambda x: x.view(batch, length, problem["heads"], -1).transpose(1, 2)
        x = F.embedding(self.ids, w["model.embed_tokens.weight"])
        for i in range(problem["layers"]):
            weight = lambda name: w[f"model.layers.{i}.{name}.weight"]
            h = self.norm(x, weight("input_layernorm"))
            q = self.rotate(split(F.linear(h, weight("self_attn.q_proj"))))
            k = self.rotate(split(F.linear(h, weight("self_attn.k_proj"))))
            v = split(F.linear(h, weight("self_attn.v_proj")))
            attended = self.attend(i, q, k, v).transpose(1, 2).reshape(x.shape)
            x = x + F.linear(attended, weight("self_attn.o_proj"))
            z = self.norm(x, weight("post_attention_layernorm"))
            gated = F.silu(F.linear(z, weight("mlp.gate_proj"))) * F.linear(z, weight("mlp.up_proj"))
            x = x + F.linear(gated, weight("mlp.down_proj"))
        return F.linear(self.norm(x, w["model.norm.weight"]), w["lm_head.weight"])

    def backward(self):
        for weight in self.weights.values():
            weight.grad = None
        loss = F.cross_entropy(self.logits()[0, :-1], self.labels[0, 1:])
        loss.backward()
        return loss.detach()

    def run(self):
        mode = self.problem["mode"]
        if mode == "forward":
            with torch.no_grad():
                return self.logits()
        loss = self.backward()
        if mode == "adamw":
            self.optimizer.step()
        return loss

    def outputs(self):
        mode = self.problem["mode"]
        if mode == "forward":
            return {"logits": self.run()}
        if mode == "gradient":
            loss = self.run()
            return {"loss": loss, **{name: weight.grad for name, weight in self.weights.items()}}
        self.reset()
        return {"losses": torch.stack([self.run() for _ in range(self.constants["checkedSteps"])])}


class Decode(Llama):
    """One more token, its keys and values written behind those of a cache."""

    def __init__(self, problem, tensors, constants):
        self.problem = problem
        self.constants = constants
        self.ids = tensors["id"]
        self.weights = tensors
        last = problem["cached"] - 1
        self.turn_from(last, 1)
        room = lambda x: torch.cat([x, torch.zeros_like(x[:, :, :1])], 2)
        self.cache = [
            tuple(room(tensors[f"cache.{i}.{part}"]) for part in ("k", "v")) for i in range(problem["layers"])
        ]

    def attend(self, layer, q, k, v):
        keys, values = self.cache[layer]
        keys[:, :, -1:], values[:, :, -1:] = k, v
        return attention(q, keys, values, False)

    def run(self):
        with torch.no_grad():
            return self.logits()

    def outputs(self):
        return {"logits": self.run()}


class CrossEntropy:
    def __init__(self, problem, tensors, constants):
        self.logits = tensors["logits"].requires_grad_()
        self.labels = tensors["labels"]

    def run(self):
        self.logits.grad = None
        loss = F.cross_entropy(self.logits, self.labels)
        loss.backward()
        return loss.detach()

    def outputs(self):
        return {"loss": self.run(), "gradient": self.logits.grad}


class AdamW:
    def __init__(self, problem, tensors, constants):
        self.constants = constants
        prefix = "gradient."
        self.start = {name: x for name, x in tensors.items() if not name.startswith(prefix)}
        self.gradients = {name: tensors[prefix + name] for name in self.start}
        self.reset()

    def reset(self):
        self.weights = {name: x.clone().requires_grad_() for name, x in self.start.items()}
        for name, weight in self.weights.items():
            weight.grad = self.gradients[name]
        constants = self.constants
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=constants["learningRate"], weight_decay=constants["weightDecay"]
        )

    def run(self):
        self.optimizer.step()

    def outputs(self):
        self.reset()
        for _ in range(self.constants["checkedSteps"]):
            self.run()
        names = list(self.weights)
        return {name: self.weights[name] for name in (names[0], names[-1])}


class Operation:
    def __init__(self, problem, tensors, constants):
        self.function = operation(problem, tensors, constants)

    def run(self):
        with torch.no_grad():
            return self.function()

    def outputs(self):
        return {"result": self.run()}


KINDS = {"llama": Llama, "decode": Decode, "crossEntropy": CrossEntropy, "adamw": AdamW}


def blas():
    """What multiplies matrices: PyTorch does not tell, but on Linux the process's memory map does."""
    torch.ones(2, 2) @ torch.ones(2, 2)
    try:
        with open("/proc/self/maps") as maps:
            loaded = maps.read()
    except OSError:
        return "BLAS unknown"
    for name, mark in (("OpenBLAS", "openblas"), ("MKL", "libmkl"), ("BLIS", "libblis"), ("ATLAS", "libatlas")):
        if mark in loaded:
            return name
    if "/libblas.so" in loaded:
        return "the reference BLAS, which is slow: install OpenBLAS (libopenblas0 in Debian) for a fair figure"
    return "a BLAS of its own"


def timed(action):
    begun = time.perf_counter()
    value = action()
    return value, 1000 * (time.perf_counter() - begun)


prepared = None


def prepare(request, tensors):
    problem, constants = request["problem"], request["constants"]
    made = KINDS.get(problem["kind"], Operation)(problem, tensors, constants)
    made.run()
    return made


def answer(request):
    global prepared
    ask = request["ask"]
    if ask == "open":
        torch.set_num_threads(request["threads"])
        return f"PyTorch {torch.__version__}, {blas()}"
    if ask == "prepare":
        tensors = {name: load(array) for name, array in request["inputs"].items()}
        prepared, milliseconds = timed(lambda: prepare(request, tensors))
        return milliseconds
    if ask == "run":
        return timed(prepared.run)[1]
    if ask == "outputs":
        files = {}
        for i, (name, tensor) in enumerate(prepared.outputs().items()):
            files[name] = os.path.join(request["folder"], f"output-{i}")
            tensor.detach().contiguous().numpy().astype(np.float32).tofile(files[name])
        return files
    if ask == "dispose":
        prepared = None
        return None
    raise ValueError(f"unknown request {ask}")


for line in sys.stdin:
    try:
        reply = {"ok": True, "value": answer(json.loads(line))}
    except Exception as error:
        reply = {"ok": False, "unsupported": isinstance(error, Unsupported), "message": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
