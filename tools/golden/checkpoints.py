"""Small checkpoints and float16 tables for test/checkpoint, written by torch, timm, safetensors and NumPy.

Run: python tools/golden/checkpoints.py [--keys FOLDER]
Needs: torch, timm, numpy, safetensors (versions in tools/golden/requirements.txt).
Writes test/golden/checkpoints/. `cases.json` says, per file, what every tensor must read as (values from torch, widened to float32).

--keys FOLDER rewrites detectors.json from lists "name <tab> [shape]", one tensor a line, that were made by building the
official networks (facebookresearch/perception_models @ 3e352cc, apps/detection) on torch's meta device. Of the 50 alike
blocks only block 0 is kept.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from timm.models.eva import _convert_pe

OUT = Path(__file__).resolve().parents[2] / "test" / "golden" / "checkpoints"
cases: dict[str, dict] = {}




def record(name: str, tensors: dict[str, torch.Tensor], **more) -> None:
    cases[name] = {
        "tensors": {
            key: {
                "dtype": str(t.dtype).removeprefix("torch."),
                "shape": list(t.shape),
                "contiguous": t.is_contiguous(),
                "float32_base64": base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()).decode(),
            }
            for key, t in tensors.items()
        },
        **more,
    }


def save(name: str, value, tensors: dict[str, torch.Tensor], protocol: int = 2, **more) -> None:
    torch.save(value, OUT / name, pickle_protocol=protocol)
    record(name, tensors, **more)


def numbers(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def meta_tower(width=8, layers=2, patch=4, grid=2, dim=6, hidden=20) -> OrderedDict:
    """State dict of a tiny PE-Core vision tower with LayerScale: every row of the key map occurs."""
    shapes = {
        "class_embedding": [width], "positional_embedding": [grid * grid + 1, width], "proj": [width, dim],
        "conv1.weight": [width, 3, patch, patch],
        "ln_pre.weight": [width], "ln_pre.bias": [width], "ln_post.weight": [width], "ln_post.bias": [width],
    }  # fmt: skip
    for i in range(layers):
        at = f"transformer.resblocks.{i}."
        shapes |= {
            at + "ln_1.weight": [width], at + "ln_1.bias": [width], at + "ln_2.weight": [width], at + "ln_2.bias": [width],
            at + "attn.in_proj_weight": [3 * width, width], at + "attn.in_proj_bias": [3 * width],
            at + "attn.out_proj.weight": [width, width], at + "attn.out_proj.bias": [width],
            at + "ls_1.gamma": [width], at + "ls_2.gamma": [width],
            at + "mlp.c_fc.weight": [hidden, width], at + "mlp.c_fc.bias": [hidden],
            at + "mlp.c_proj.weight": [width, hidden], at + "mlp.c_proj.bias": [width],
        }  # fmt: skip
    shapes |= {
        "attn_pool.probe": [1, 1, width],
        "attn_pool.attn.in_proj_weight": [3 * width, width], "attn_pool.attn.in_proj_bias": [3 * width],
        "attn_pool.attn.out_proj.weight": [width, width], "attn_pool.attn.out_proj.bias": [width],
        "attn_pool.layernorm.weight": [width], "attn_pool.layernorm.bias": [width],
        "attn_pool.mlp.c_fc.weight": [hidden, width], "attn_pool.mlp.c_fc.bias": [hidden],
        "attn_pool.mlp.c_proj.weight": [width, hidden], "attn_pool.mlp.c_proj.bias": [width],
    }  # fmt: skip
    return OrderedDict((name, numbers(i, *shape)) for i, (name, shape) in enumerate(shapes.items()))


def storages() -> None:
    table = numbers(1, 4, 3)
    aliased = OrderedDict([("rope.cos", table), ("blocks.0.rope.cos", table), ("blocks.1.rope.cos", table), ("row", table[2]), ("other", numbers(2, 5))])
    save("aliased.pt", aliased, aliased, storages=2)

    base = numbers(3, 6, 4)
    strided = OrderedDict([
        ("transposed", base.t()), ("columns", base[:, 1:3]), ("every_second_row", base[::2]), ("expanded", base[:1].expand(5, 4)),
        ("scalar", torch.tensor(2.5)), ("empty", torch.empty(0, 3)), ("one_row_column", base[1:2, :]),
        ("permuted", numbers(4, 2, 3, 4).permute(2, 0, 1)),
    ])  # fmt: skip
    save("strided.pt", strided, strided)

    x = torch.tensor([-2.5, -1.0, 0.0, 1.0, 3.25, 100.0])
    dtypes = OrderedDict(
        (str(d).removeprefix("torch."), x.to(d))
        for d in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8)
    )
    dtypes["uint8"] = torch.tensor([0, 1, 255], dtype=torch.uint8)
    dtypes["bool"] = torch.tensor([True, False, True])
    dtypes["untyped_bytes"] = torch.tensor([1, 2, 3], dtype=torch.int64)
    save("dtypes.pt", dtypes, dtypes)
    safetensors.torch.save_file(dict(dtypes), OUT / "dtypes.safetensors", metadata={"format": "pt", "note": "läßt"})
    record("dtypes.safetensors", dtypes)
    torch.save({"w": torch.ones(2, dtype=torch.uint16)}, OUT / "uint16.pt")
    torch.save({"w": torch.ones(2, dtype=torch.complex64)}, OUT / "complex.pt")


def shapes_of_dicts() -> None:
    a, b = numbers(5, 2, 2), numbers(6, 3)
    save("nested.pt", {"encoder": {"layer": {"weight": a}, "steps": 4}, "head": {"bias": b}}, {"encoder.layer.weight": a, "head.bias": b}, skipped=["encoder.steps"])
    parameter = torch.nn.Parameter(a)
    optimizer = torch.optim.AdamW([parameter], lr=1e-3)
    parameter.sum().backward()
    optimizer.step()
    options = argparse.Namespace(lr=1e-3, names=["a", "b"], sizes={1, 2}, inner=argparse.Namespace(x=1.5))
    for protocol in (2, 3, 4, 5):
        companions = {
            "epoch": 3, "optimizer": optimizer.state_dict(), "args": options, "best": np.float64(0.5), "counts": Counter([1]),
            "big": 2**70, "size": torch.Size([1, 2]), "device": torch.device("cpu"), "kind": torch.float32,
            "frozen": frozenset([1]), "raw": b"ab", "array": bytearray(b"ab"), "none": None, "names": ("a", 1.5, True),
        }  # fmt: skip
        model = OrderedDict([("weight", parameter), ("bias", b)])
        save(f"training_{protocol}.pt", {"model": model, **companions}, model, protocol, wrapper="model", skipped=list(companions))
    save("state_dict.pt", {"weights": {"w": b}, "state_dict": {"w": a}}, {"w": a}, wrapper="state_dict", skipped=["weights"])
    save("weights.pt", {"weights": {"w": a}, "epoch": 1}, {"w": a}, wrapper="weights", skipped=["epoch"])
    save("weights_is_a_tensor.pt", {"weights": a, "bias": b}, {"weights": a, "bias": b})
    torch.save({"w": a}, OUT / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 2), OUT / "whole_module.pt")
    torch.save(a, OUT / "bare_tensor.pt")
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
    # debug records hold the paths of the machine that wrote them
    with zipfile.ZipFile(script) as source, zipfile.ZipFile(OUT / "torchscript.pt", "w") as target:
        for entry in source.namelist():
            if not entry.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(entry), source.read(entry))
    buffer = io.BytesIO()
    torch.save({"w": a}, buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(OUT / "compressed.pt", "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist():
            target.writestr(zipfile.ZipInfo(entry), source.read(entry), zipfile.ZIP_DEFLATED if entry.endswith("data/0") else zipfile.ZIP_STORED)


def towers() -> None:
    tower = meta_tower()
    save("meta.pt", tower, tower)
    prefixed = OrderedDict((f"module.visual.{k}", v) for k, v in tower.items())
    prefixed["module.token_embedding.weight"] = numbers(90, 4, 8)
    prefixed["module.positional_embedding"] = numbers(91, 4, 8)
    save("module_visual.pt", {"state_dict": prefixed}, prefixed, wrapper="state_dict", skipped=[])
    timm = _convert_pe(dict(tower), None, prefix="")
    safetensors.torch.save_file({k: v.contiguous() for k, v in timm.items()}, OUT / "timm.safetensors")
    save("timm.pt", timm, timm)


def halves() -> None:
    every = np.arange(65536, dtype=np.uint16)
    random = np.random.default_rng(7).integers(0, 2**32, 2048, dtype=np.uint32)
    # where rounding decides: halves, their middles, and one float32 step beside each
    edges = np.concatenate([every[::97].view(np.float16).astype(np.float32).view(np.uint32) + d for d in (0, 0xFFF, 0x1000, 0x1001)])
    special = np.array([0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC12345, 0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001, 0x33800000, 0x387FFFFF, 0x38800000, 1, 0x807FFFFF], dtype=np.uint32)
    bits = np.concatenate([random, edges.astype(np.uint32), special])
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = bits.view(np.float32).astype(np.float16).view(np.uint16)
    widened = every.view(np.float16).astype(np.float32).view(np.uint32)
    brains = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16).to(torch.float32).view(torch.int32).numpy()
    document = {
        "float32_bits_hex": bits.astype("<u4").tobytes().hex(),
        "float16_bits_hex": rounded.astype("<u2").tobytes().hex(),
        "sha256_of_all_halves_as_float32": hashlib.sha256(widened.astype("<u4").tobytes()).hexdigest(),
        "sha256_of_all_bfloat16_as_float32": hashlib.sha256(brains.astype("<i4").tobytes()).hexdigest(),
    }
    (OUT / "half.json").write_text(json.dumps(document, indent=1) + "\n")


def detectors(folder: Path) -> None:
    document = {}
    for file in sorted(folder.glob("*_keys.txt")):
        rows = [line.split("\t") for line in file.read_text().splitlines() if "\t" in line]
        kept = [[name, json.loads(shape)] for name, shape in rows if not re.search(r"resblocks\.[1-9]", name)]
        blocks = 1 + max(int(m[1]) for name, _ in rows if (m := re.search(r"resblocks\.(\d+)", name)))
        document[file.name.removesuffix("_keys.txt")] = {"blocks": blocks, "total": len(rows), "tensors": kept}
    text = ",\n".join(
        f'"{name}": {{"blocks": {d["blocks"]}, "total": {d["total"]}, "tensors": [\n' + ",\n".join(json.dumps(t) for t in d["tensors"]) + "\n]}"
        for name, d in document.items()
    )
    (OUT / "detectors.json").write_text("{\n" + text + "\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=Path)
    keys = parser.parse_args().keys
    OUT.mkdir(parents=True, exist_ok=True)
    storages()
    shapes_of_dicts()
    towers()
    halves()
    if keys:
        detectors(keys)
    (OUT / "cases.json").write_text("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in cases.items()) + "\n}\n")


if __name__ == "__main__":
    main()
