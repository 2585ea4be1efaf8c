"""PP-PicoDet-S as a batched PyTorch teacher, read from its ncnn files (PaddleDetection, Apache-2.0; weights are not in this repository).

Only the layers this network uses are known; anything else is an error. Output of ncnn 1.0 on the same tensors differs by at most 3e-5.
"""

import struct

import numpy as np
import torch
import torch.nn.functional as F

# the head's last convolutions: 80 class logits and 4 sides x 8 distribution bins, at strides 8, 16, 32, 64
OUTPUTS = ["conv2d_223.tmp_0", "conv2d_226.tmp_0", "conv2d_229.tmp_0", "conv2d_232.tmp_0"]
MEAN = torch.tensor([123.675, 116.28, 103.53]).view(3, 1, 1)
STD = torch.tensor([58.395, 57.12, 57.375]).view(3, 1, 1)


class PicoDet:
    """`PicoDet('picodet-s-416')(images uint8 [B, 3, S, S] RGB)` -> four maps [B, 112, S/stride, S/stride]; S a multiple of 64."""

    def __init__(self, path: str, device="cpu"):
        self.device = device
        self.mean, self.std = MEAN.to(device), STD.to(device)
        self.layers = []
        with open(path + ".param") as text, open(path + ".bin", "rb") as file:
            blob, at = file.read(), 0
            for line in text.read().splitlines()[2:]:
                words = line.split()
                if not words:
                    continue
                n_in, n_out = int(words[2]), int(words[3])
                inputs, outputs = words[4 : 4 + n_in], words[4 + n_in : 4 + n_in + n_out]
                numbers = dict(word.split("=") for word in words[4 + n_in + n_out :])
                weight = None
                if words[0].startswith("Convolution"):
                    weight, at = self._convolution(blob, at, numbers)
                self.layers.append((words[0], words[1], inputs, outputs, numbers, weight))
        if at != len(blob):
            raise ValueError(f"{path}.bin has {len(blob)} bytes, the network uses {at}")

    def _convolution(self, blob, at, n):
        count, channels, groups = int(n["6"]), int(n["0"]), int(n.get("7", 1))
        if struct.unpack_from("<I", blob, at)[0] != 0:
            raise ValueError("only float32 weights are supported")
        weight = np.frombuffer(blob, np.float32, count, at + 4).copy()
        at += 4 + 4 * count
        bias = None
        if n.get("5") == "1":
            bias = torch.from_numpy(np.frombuffer(blob, np.float32, channels, at).copy()).to(self.device)
            at += 4 * channels
        shape = (channels, -1, int(n["11"]), int(n["1"]))
        weight = torch.from_numpy(weight).view(shape).to(self.device).contiguous(memory_format=torch.channels_last)
        return (weight, bias, int(n["3"]), int(n["4"]), int(n["2"]), groups), at

    @torch.no_grad()
    def __call__(self, images):
        x = ((images.to(self.device).float() - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        values = {}
        for kind, name, inputs, outputs, n, weight in self.layers:
            if kind == "Input":
                values[outputs[0]] = x
                continue
            if kind in ("Sigmoid", "Reshape", "Permute") or name in ("Split_10", "Split_11", "Split_12", "Split_13"):
                continue  # after the maps we want
            a = values[inputs[0]]
            if weight is not None:
                w, bias, stride, pad, dilation, groups = weight
                r = F.conv2d(a, w.to(a.dtype), None if bias is None else bias.to(a.dtype), stride, pad, dilation, groups)
            elif kind == "HardSwish":
                r = F.hardswish(a)
            elif kind == "HardSigmoid":
                r = F.hardsigmoid(a)
            elif kind == "ReLU":
                r = F.relu(a)
            elif kind == "Split":
                values.update(dict.fromkeys(outputs, a))
                continue
            elif kind == "Concat":
                r = torch.cat([values[i] for i in inputs], 1)
            elif kind == "BinaryOp":
                r = a * values[inputs[1]] if n["0"] == "2" else a + values[inputs[1]]
            elif kind == "Pooling":
                r = a.mean((2, 3), keepdim=True) if n["0"] == "1" else F.max_pool2d(a, 3, 2, 1)
            elif kind == "Interp":
                r = F.interpolate(a, scale_factor=2, mode="nearest")
            elif kind == "ShuffleChannel":
                r = F.channel_shuffle(a, int(n["0"]))
            elif kind == "Slice":
                if not inputs or "-23300" not in n:
                    continue
                k = int(n["-23300"].split(",")[1])
                values[outputs[0]], values[outputs[1]] = a[:, :k], a[:, k:]
                continue
            else:
                raise ValueError(f"unknown layer {kind} {name}")
            values[outputs[0]] = r
        return [values[k].float() for k in OUTPUTS]
