"""Error breakdown by tidecv -> test/golden/tide/cases.json

Run: python tools/golden/tide.py                 (needs tidecv==1.0.1, pycocotools==2.0.11, numpy==2.4.6)
     python tools/golden/tide.py --fuzz FILE DIR  reads the random cases of coco.py --fuzz, writes DIR/cases.json, for
                                                 COCO_FUZZ=FILE TIDE_FUZZ=DIR/cases.json npx vitest run test/evaluate/analysis

The sets are those of coco.py and lvis_cases.py (test/golden/{coco,lvis}/cases.json, run these first): each case names its
set, so nothing is stored twice. np.float is set back for tidecv's helpers.
"""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile

import numpy as np

np.float = float
from tidecv import TIDE, datasets  # noqa: E402

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden"
NAMES = ["ClassError", "BoxError", "OtherError", "DuplicateError", "BackgroundError", "MissedError"]
SHORT = dict(zip(NAMES, ["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]))


def run(case, lvis=False):
    iou = case["iou"] if lvis else case["options"].get("iou", "bbox")
    gt = json.loads(json.dumps(case["gt"]))
    for a in gt["annotations"]:
        a.setdefault("segmentation", [[0, 0, 1, 0, 1, 1]])
    for c in gt["categories"]:
        c.setdefault("synset", c["name"])
    with tempfile.TemporaryDirectory() as tmp, contextlib.redirect_stdout(io.StringIO()):
        for name, value in (("gt", gt), ("dt", case["dt"])):
            with open(os.path.join(tmp, name + ".json"), "w") as f:
                json.dump(value, f)
        load = datasets.LVIS if lvis else datasets.COCO
        data = load(os.path.join(tmp, "gt.json"))
        res = datasets.COCOResult(os.path.join(tmp, "dt.json"))
        t = TIDE(mode=TIDE.MASK if iou == "segm" else TIDE.BOX)
        r = t.evaluate(data, res)
        main, special = r.fix_main_errors(), r.fix_special_errors()
        counts = r.count_errors()
    return {"set": "lvis" if lvis else "coco", "name": case["name"], "iou": iou, "AP": r.ap / 100,
            "dAP": {SHORT[k.__name__]: v / 100 for k, v in main.items()},
            "special": {"FalsePos" if "Positive" in k.__name__ else "FalseNeg": v / 100 for k, v in special.items()},
            "counts": {SHORT[k.__name__]: v for k, v in counts.items()}}


def usable(case, lvis):
    if not case["dt"]:
        return False
    o = case.get("options", {})
    if any(k in o for k in ("cat_ids", "img_ids", "max_dets")) or o.get("use_cats") is False:
        return False
    field = "segmentation" if (case["iou"] if lvis else o.get("iou", "bbox")) == "segm" else "bbox"
    return all(field in d for d in case["dt"])  # tidecv fills neither boxes nor masks in


def all_of(path, lvis):
    cases = json.loads(pathlib.Path(path).read_text())
    out = []
    for c in cases if lvis else cases["cases"]:
        if usable(c, lvis):
            try:
                out.append(run(c, lvis))
            except (ZeroDivisionError, KeyError) as error:  # tidecv stops: nothing to find, or scores of -1 and less
                print("left out:", c["name"], repr(error))
    return out


if len(sys.argv) > 3 and sys.argv[1] == "--fuzz":
    # sys.argv[2]: the file of --fuzz of coco.py
    out, path = all_of(sys.argv[2], False), pathlib.Path(sys.argv[3]) / "cases.json"
else:
    out, path = all_of(OUT / "coco" / "cases.json", False) + all_of(OUT / "lvis" / "cases.json", True), OUT / "tide" / "cases.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, len(out))
