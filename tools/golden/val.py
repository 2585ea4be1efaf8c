"""Golden of `pe-dense val`: the twelve COCO figures of the bundled model on the example photographs, by PyTorch and
pycocotools (tools/train/evaluate.py), and its surest boxes.

    python tools/golden/val.py       (writes test/golden/val/dense-t16.json; torch 2.15, pillow 13, pycocotools 2.0)

Run it again whenever the weights change: nothing else is to be edited. The ground truth beside it holds COCO val2017's
annotations of the six photographs (CC BY 4.0); it was made once, and needs the official file to be made again:

    python tools/golden/val.py --annotations instances_val2017.json
"""

import argparse
import json
import os
import sys

import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "train"))
from evaluate import detect, evaluate, read_picture  # noqa: E402
from model_dir import load_directory  # noqa: E402

MODEL = os.path.join(ROOT, "models", "dense-t16")
PICTURES = os.path.join(ROOT, "examples")
FOLDER = os.path.join(ROOT, "test", "golden", "val")
TRUTH = os.path.join(FOLDER, "instances.json")
SUREST = 8


def write(name, value):
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def take_annotations(path):
    with open(path) as file:
        official = json.load(file)
    names = {name for name in os.listdir(PICTURES) if name.endswith(".jpg")}
    images = [i for i in official["images"] if i["file_name"] in names]
    assert len(images) == len(names), sorted(names - {i["file_name"] for i in images})
    ids = {i["id"] for i in images}
    keys = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")
    write("instances.json", {
        "info": {"description": "COCO val2017, annotations of the example photographs (CC BY 4.0, COCO Consortium)"},
        "images": [{k: i[k] for k in ("id", "file_name", "width", "height")} for i in images],
        "categories": official["categories"],
        "annotations": [{k: a[k] for k in keys} for a in official["annotations"] if a["image_id"] in ids],
    })


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--annotations")
    a = p.parse_args()
    torch.set_num_threads(1)
    if a.annotations:
        take_annotations(a.annotations)
    with open(os.path.join(MODEL, "model.json")) as file:
        description = json.load(file)
    with open(TRUTH) as file:
        truth = json.load(file)
    model, _ = load_directory(MODEL)
    size, nms = description["input"]["size"][0], description["nms"]
    assert description["input"]["size"] == [size, size] and nms["kind"] == "hard"
    surest = {}
    for image in truth["images"]:
        picture = read_picture(os.path.join(PICTURES, image["file_name"]))
        found = detect(model, picture, size, iou=nms["iou"])[:SUREST]
        surest[image["id"]] = [[round(float(v), 4) for v in row] for row in found]
    write("dense-t16.json", {
        "sha256": description["files"]["weights"]["sha256"],
        "size": size,
        "figures": evaluate(model, PICTURES, TRUTH, size, iou=nms["iou"]),
        "surest": surest,
    })


if __name__ == "__main__":
    main()
