"""Times one original on files in a fresh process: python bench/coco/original.py pycocotools|faster-coco-eval bbox|segm GT DT

Prints one line of JSON: wall and processor seconds of loading and of COCOeval (evaluate, accumulate, summarize), peak
memory in MB, the twelve figures.
"""

import contextlib
import io
import json
import os
import resource
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
tool, iou, gt_file, dt_file = sys.argv[1:]
if tool == "pycocotools":
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
else:
    from faster_coco_eval import COCO, COCOeval_faster as COCOeval


def now():
    return time.perf_counter(), time.process_time()


with contextlib.redirect_stdout(io.StringIO()):
    t0 = now()
    gt = COCO(gt_file)
    dt = gt.loadRes(dt_file)
    t1 = now()
    ev = COCOeval(gt, dt, iou)
    if hasattr(ev, "rle_iou_max_workers"):
        ev.rle_iou_max_workers = 1  # one thread
    ev.evaluate()
    ev.accumulate()
    ev.summarize()
    t2 = now()
print(json.dumps({
    "load": t1[0] - t0[0], "eval": t2[0] - t1[0], "loadCpu": t1[1] - t0[1], "evalCpu": t2[1] - t1[1],
    "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "figures": [float(v) for v in ev.stats[:12]]}))
