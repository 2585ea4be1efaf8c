"""Checks exported files with the reference checker and runs them in Python's onnxruntime.

    node --import tsx tools/export/check.ts --out DIR [--calibrate PICTURES]     (exports, and what detect computes)
    python tools/golden/export.py DIR                                          (onnx, onnxruntime, numpy)

Needs onnx, onnxruntime and numpy (requirements.txt). Prints, per file, the checker's verdict, the operator sets and the
largest difference of each output; fails when an fp32 or fp16 file differs by more than 1e-3 of the output's range.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

folder = Path(sys.argv[1])
shapes = json.loads((folder / "shapes.json").read_text())
image = np.fromfile(folder / "input.f32", np.float32).reshape(shapes["input"])
want = {name: np.fromfile(folder / f"{name}.f32", np.float32).reshape(shape) for name, shape in shapes["outputs"].items()}
failed = False
for path in sorted(folder.glob("*/model.onnx")):
    model = onnx.load(path)
    onnx.checker.check_model(str(path), full_check=True)
    domains = {o.domain: o.version for o in model.opset_import}
    assert set(domains) == {""}, domains
    assert all(node.domain == "" for node in model.graph.node)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"images": image})))
    twice = dict(zip(names, session.run(None, {"images": np.concatenate([image, image])})))
    for name in names:
        assert twice[name].shape[0] == 2 and found[name].shape[0] == 1, name
    if "count" in names:
        print(f"{path.parent.name}: checker ok, opset {domains['']}, {int(found['count'][0])} boxes")
        continue
    differences = {name: float(np.abs(found[name] - want[name]).max()) for name in want if name in found}
    print(f"{path.parent.name}: checker ok, opset {domains['']}, " + ", ".join(f"{n} {d:.2e}" for n, d in differences.items()))
    if not path.parent.name.startswith("int8"):
        failed |= any(d > 1e-3 * float(np.ptp(want[n])) for n, d in differences.items())
sys.exit(1 if failed else 0)
