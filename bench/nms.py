"""torchvision's side of bench/nms.ts, which starts it: times nms and batched_nms on one CPU thread
(CPU time, so that other programs on the machine do not count).

Reads a JSON list of cases from standard input: {"file", "n", "agnostic", "iou"}; a file holds little-endian
float32 boxes [n, 4], float32 scores [n], int32 classes [n]. Prints one JSON list: {"ms": [...], "kept": count,
"sha256": of the sorted kept indices as int32}. Needs torch, torchvision, numpy.
"""

import hashlib
import json
import sys
import time

import numpy as np
import torch
import torchvision

torch.set_num_threads(1)
results = []
for case in json.load(sys.stdin):
    n = case["n"]
    raw = np.fromfile(case["file"], np.float32)
    boxes = torch.from_numpy(raw[: 4 * n].reshape(n, 4).copy())
    scores = torch.from_numpy(raw[4 * n : 5 * n].copy())
    classes = torch.from_numpy(raw[5 * n :].copy().view(np.int32)).long()

    def run():
        if case["agnostic"]:
            return torchvision.ops.nms(boxes, scores, case["iou"])
        return torchvision.ops.batched_nms(boxes, scores, classes, case["iou"])

    times = []
    while len(times) < 3 or (sum(times) < 1000 and len(times) < 50):
        start = time.thread_time()
        kept = run()
        times.append((time.thread_time() - start) * 1000)
        if times[-1] > 5000:
            break
    indices = np.sort(kept.numpy()).astype(np.int32)
    results.append({"ms": times, "kept": len(indices), "sha256": hashlib.sha256(indices.tobytes()).hexdigest()})
json.dump({"versions": f"torch {torch.__version__}, torchvision {torchvision.__version__}", "results": results}, sys.stdout)
