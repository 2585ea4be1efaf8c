"""Writes an RGB-D folder (color/, depth/ in millimetres) of photographs with the depth that FastDepth sees in them.

    python tools/train/depth_teacher.py --shards DIR --sources houses --skip frontal --weights fast_depth_224.tflite --out DIR

FastDepth (Wofk et al., ICRA 2019, MIT) was trained on rooms: give it pictures of rooms only, and its folder a small weight.
Needs ai-edge-litert besides requirements.txt.
"""

import argparse
import os

import cv2
import numpy as np

from data import read_shards


class FastDepth:
    """picture uint8 [h, w, 3] RGB -> float32 [224, 224], roughly metres"""

    def __init__(self, path):
        from ai_edge_litert.interpreter import Interpreter

        self.net = Interpreter(path, num_threads=1)
        self.net.allocate_tensors()
        self.input, self.output = self.net.get_input_details()[0], self.net.get_output_details()[0]

    def __call__(self, picture):
        x = cv2.resize(np.ascontiguousarray(picture), (224, 224), interpolation=cv2.INTER_AREA)
        self.net.set_tensor(self.input["index"], x[None])
        self.net.invoke()
        scale, zero = self.output["quantization"]
        return (self.net.get_tensor(self.output["index"])[0, ..., 0].astype(np.float32) - zero) * scale


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shards", required=True)
    p.add_argument("--sources", nargs="+", required=True)
    p.add_argument("--skip", nargs="*", default=[], help="leave out pictures with one of these in their name")
    p.add_argument("--weights", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    net = FastDepth(a.weights)
    for name in ("color", "depth"):
        os.makedirs(os.path.join(a.out, name), exist_ok=True)
    photos = [p for p in read_shards(a.shards) if p.source in a.sources and not any(s in p.name for s in a.skip)]
    for i, photo in enumerate(photos):
        depth = (net(photo.decode()) * 1000).clip(0, 65535).round().astype(np.uint16)
        cv2.imwrite(os.path.join(a.out, "depth", f"{i:05d}.png"), depth)
        with open(os.path.join(a.out, "color", f"{i:05d}.webp"), "wb") as file:
            file.write(photo.data)
    print(f"{len(photos)} pictures")


if __name__ == "__main__":
    main()
