"""Fine-tunes a detector on your own annotated pictures (COCO, YOLO, PASCAL VOC, CSV): one command, out comes a model directory.

    python tools/train/finetune.py --images DIR --annotations train.json --val-images DIR --val-annotations val.json --out my-model

`--start` is a model directory (models/dense-t16 by default), a file saved by train.py, or an official PE-Spatial checkpoint
(`--arch` says which where its name does not). Classes are the annotations' categories. The run's state is kept in `--run`; the
same command resumes it. See docs/finetune.md.
"""

import argparse
import json
import os
import re

import torch

from data import as_coco
from export import write_directory
from model_dir import load_detector
from pe import CONFIGS
from train import Trainer


def arch_of(start, given):
    """Architecture of a bare backbone checkpoint: as given, else as its name says (PE-Spatial-B16-512.pt)."""
    found = given or next((a for a in CONFIGS if a in re.sub(r"[_ ]", "-", os.path.basename(start).lower())), None)
    if found is None:
        raise SystemExit(f"--start {start}: its name does not say its architecture. Give --arch, one of {', '.join(CONFIGS)}")
    return found


def describe_start(start):
    """-> model.json of a model directory, or None; whether the start is a whole detector"""
    if os.path.isdir(start):
        with open(os.path.join(start, "model.json")) as file:
            return json.load(file), True
    return None, start.endswith(".pt") and "model_options" in torch.load(start, weights_only=True, map_location="cpu", mmap=True)


def fast_bfloat16():
    """Other processors emulate it, slowly."""
    known = [getattr(torch.cpu, f"_is_{kind}_supported", None) for kind in ("avx512_bf16", "amx_tile")]
    return any(ask() for ask in known if ask)


def config_of(a, detector, size):
    """What train.py is to do."""
    cfg = dict(out=a.run, start=a.start, data=[dict(images=a.images, annotations=a.annotations)], seed=a.seed, batch=a.batch)
    if detector:
        layers = 12 if not a.described else CONFIGS[a.described["backbone"]["arch"]].layers
        cfg["freeze"] = layers // 2 if a.freeze is None else a.freeze
    else:
        arch = arch_of(a.start, a.arch)
        layers = CONFIGS[arch].layers
        cfg["model"] = dict(arch=arch, taps=[layers // 3, 2 * layers // 3, layers])
        # what a large pretraining taught is worth more than a few pictures; the head reads it as it is
        cfg["freeze"] = "all" if a.freeze is None else a.freeze
    if cfg["freeze"] in (layers, "all"):
        cfg["freeze"] = "all"
    with open(a.annotations) as file:
        pictures = len(json.load(file)["images"])
    total = a.pictures or int(a.epochs * pictures)
    steps = max(1, total // a.batch)
    rates = dict(muon_lr=0.004 * a.rate, adam_lr=0.004 * a.rate, backbone_scale=0.1, weight_decay=0.02)
    # as in the config of dense-t16: classes are what is new, boxes the start has learnt
    cfg |= dict(loss=dict(boxes=(3.0, 1.5, 0.25)), optimizer=rates, warmup=min(60, steps // 10 + 1), ema=0.99, mosaic=a.mosaic, mirror=not a.no_mirror)
    half = a.device.startswith("cuda") or fast_bfloat16()
    cfg |= dict(bf16=half, log_every=max(1, min(20, steps // 10)), save_every=max(-(-total // 3), a.batch))
    cfg["phases"] = [dict(size=size, pictures=total, lr=[1, 0.02])]
    if a.val_annotations:
        cfg["evaluate"] = dict(images=a.val_images or a.images, annotations=a.val_annotations, size=size)
    return cfg, pictures, total


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--images", required=True, help="folder of the training pictures")
    p.add_argument("--annotations", required=True, help="their COCO file, YOLO data.yaml, PASCAL VOC folder or CSV")
    p.add_argument("--split", help="the part of the annotations to learn from, as train")
    p.add_argument("--val-images", help="folder of the pictures it is measured on; default --images")
    p.add_argument("--val-annotations", help="the same kinds; without it nothing is measured")
    p.add_argument("--val-split", help="the part of those that it is measured on, as val")
    p.add_argument("--out", required=True, help="the model directory that is written")
    p.add_argument("--name", help="the model's name; default the last part of --out")
    p.add_argument("--start", default="models/dense-t16")
    p.add_argument("--arch", choices=CONFIGS)
    p.add_argument("--run", help="folder of the run's state; default .train/NAME")
    p.add_argument("--size", type=int, help="input, pixels; default the start's, 224 for a bare backbone")
    p.add_argument("--epochs", type=float, default=20)
    p.add_argument("--pictures", type=int, help="composites to learn from, instead of --epochs")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rate", type=float, default=1.0, help="factor on all learning rates")
    p.add_argument("--freeze", type=int, help="blocks that stay as they are; default half of a detector's, all of a bare backbone's")
    p.add_argument("--mosaic", type=float, default=0.3, help="share of composites made of several pictures")
    p.add_argument("--no-mirror", action="store_true", help="for letters, arrows and other things that are not the same in a mirror")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--license", help="of the new weights; default the start's")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--minutes", type=float, help="stop after this long and write what there is; the same command goes on")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    a.name = a.name or os.path.basename(os.path.normpath(a.out))
    a.run = a.run or os.path.join(".train", a.name)
    told, told_val = a.annotations, a.val_annotations  # for the model's description
    a.annotations = as_coco(told, a.images, a.split)
    a.val_annotations = told_val and as_coco(told_val, a.val_images or a.images, a.val_split)
    a.described, detector = describe_start(a.start)
    patch = CONFIGS[arch_of(a.start, a.arch)].patch if not detector else 16
    size = a.size or (a.described["input"]["size"][0] if a.described else 224)
    if size % patch:
        raise SystemExit(f"--size {size}: not a multiple of the patch, {patch}. Take {size // patch * patch}")
    cfg, pictures, total = config_of(a, detector, size)
    trainer = Trainer(cfg, a.device)
    trainer.run(a.minutes)

    weights = os.path.join(a.run, "ema.pt")
    saved = torch.load(weights, weights_only=True, map_location="cpu")
    start = a.described["name"] if a.described else os.path.basename(a.start)
    metrics = []
    if a.val_annotations:
        command = f"python tools/train/evaluate.py --weights {a.name} --images DIR --gt {os.path.basename(told_val)} --size {size}"
        metrics = [dict(set=os.path.basename(told_val), **trainer.figures, command=command)]
    write_directory(
        saved,
        a.out,
        a.name,
        size,
        origin=f"fine-tuned from {start}",
        data=f"{pictures} pictures of {os.path.basename(told)}, {saved['seen']} composites of them seen",
        license=a.license or (a.described["license"] if a.described else "Apache-2.0"),
        metrics=metrics,
    )
    print(f"{a.out}: classes {', '.join(load_detector(a.out).labels)}" + (f"; AP {metrics[0]['AP']}, AP50 {metrics[0]['AP50']}" if metrics else ""))


if __name__ == "__main__":
    main()
