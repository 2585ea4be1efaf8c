"""Golden of the bundled model: raw outputs of models/dense-t16 in PyTorch on one fixed tensor and one example picture.

    python tools/golden/dense_t16.py       (writes test/golden/heads/dense-t16.json; torch 2.15, safetensors 0.8, pillow 13)

Run it again whenever the weights change. The tensor is made from a formula, so that both sides compute it alike.
"""

import json
import os
import sys

import numpy as np
import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))
from evaluate import detect, read_picture  # noqa: E402
from head import cell_centres, distances, flatten_levels  # noqa: E402
from model_dir import load_directory  # noqa: E402

SIZE = 160
PICTURE = "000000423617.jpg"

model, options = load_directory(os.path.join(ROOT, "models", "dense-t16"))
with open(os.path.join(ROOT, "models", "dense-t16", "model.json")) as file:
    description = json.load(file)
n = np.arange(3 * SIZE * SIZE, dtype=np.float64)
tensor = torch.from_numpy((np.sin(n * 0.0137) * np.cos(n * 0.00091)).astype(np.float32)).view(1, 3, SIZE, SIZE)
with torch.no_grad():
    maps = model(tensor)
    logits, reg = flatten_levels(maps, options["classes"], options["bins"])
    _, scale = cell_centres(maps, model.strides)
    scores, ltrb = logits.sigmoid()[0], (distances(reg, 1.0) * scale)[0]
    size = description["input"]["size"][0]
    picture = read_picture(os.path.join(ROOT, "examples", PICTURE))
    found = detect(model, picture, size, score=0.2)
rows = range(0, scores.shape[0], 37)
golden = {
    "sha256": description["files"]["weights"]["sha256"],
    "size": SIZE,
    "anchors": scores.shape[0],
    "rows": {str(i): {"scores": [float(f"{v:.7g}") for v in scores[i, ::9]], "ltrb": [float(f"{v:.7g}") for v in ltrb[i]]} for i in rows},
    "picture": PICTURE,
    "found": [[round(float(v), 4) for v in row] for row in found[:10]],
}
with open(os.path.join(ROOT, "test", "golden", "heads", "dense-t16.json"), "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
