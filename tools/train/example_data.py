"""A small data set to try fine-tuning on: drawn road signs on drawn backgrounds, in COCO format. Nothing is downloaded.

    python tools/train/example_data.py --out signs

writes signs/{train,val}/*.jpg with signs/train.json and signs/val.json. The same seed gives the same pictures.
"""

import argparse
import json
import os

import cv2
import numpy as np

CLASSES = ["stop sign", "give way", "no entry", "priority road", "parking"]
WIDTH, HEIGHT = 320, 240
SIDE = 256  # of a sign as drawn, pixels
RED, WHITE, YELLOW, BLUE, BLACK = (190, 25, 35), (240, 240, 238), (250, 200, 30), (20, 80, 170), (25, 25, 25)


def regular(corners, radius, turn=0.0):
    """A regular polygon around the middle of a sign, as cv2 takes it."""
    angles = np.arange(corners) * 2 * np.pi / corners + turn
    points = SIDE / 2 + radius * np.stack((np.cos(angles), np.sin(angles)), 1)
    return [points.round().astype(np.int32)]


def fill(picture, corners, radius, colour, turn=0.0):
    cv2.fillPoly(picture, regular(corners, radius, turn), colour, cv2.LINE_AA)


def letters(picture, text, scale, colour, thickness):
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    place = ((SIDE - w) // 2, (SIDE + h) // 2)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


def sign(name):
    """-> RGB [SIDE, SIDE, 3], alpha [SIDE, SIDE] 0..255"""
    picture, alpha = (np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE), np.uint8))
    outer = 122
    if name == "stop sign":
        shape = (8, outer, np.pi / 8)
        for radius, colour in ((outer, WHITE), (112, RED)):
            fill(picture, 8, radius, colour, np.pi / 8)
        letters(picture, "STOP", 2.3, WHITE, 12)
    elif name == "give way":
        shape = (3, outer, np.pi / 2)
        for radius, colour in ((outer, RED), (78, WHITE)):
            fill(picture, 3, radius, colour, np.pi / 2)
    elif name == "no entry":
        shape = (64, outer, 0)
        for radius, colour in ((outer, WHITE), (114, RED)):
            fill(picture, 64, radius, colour)
        cv2.rectangle(picture, (48, 106), (SIDE - 48, 150), WHITE, -1)
    elif name == "priority road":
        shape = (4, outer, 0)
        for radius, colour in ((outer, BLACK), (116, WHITE), (82, YELLOW)):
            fill(picture, 4, radius, colour)
    else:
        shape = (4, outer, np.pi / 4)
        for radius, colour in ((outer, WHITE), (112, BLUE)):
            fill(picture, 4, radius, colour, np.pi / 4)
        letters(picture, "P", 4.6, WHITE, 22)
    cv2.fillPoly(alpha, regular(*shape), 255, cv2.LINE_AA)
    return picture, alpha


def noise(rng, octaves):
    """Cloudy grey in 0..1: the sum of ever finer random grids."""
    out = np.zeros((HEIGHT, WIDTH), np.float32)
    for k in octaves:
        grid = rng.random((3 * 2**k, 4 * 2**k), np.float32)
        out += cv2.resize(grid, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) / 2 ** (k - octaves[0])
    return (out - out.min()) / (out.max() - out.min())


def background(rng):
    """Sky over ground, a wall, or leaves; with coloured shapes that are no signs. float [HEIGHT, WIDTH, 3] 0..255"""
    tone = lambda: rng.uniform(40, 220, 3).astype(np.float32)  # noqa: E731
    mix = noise(rng, range(int(rng.integers(0, 3)), int(rng.integers(4, 7))))[..., None]
    picture = mix * tone() + (1 - mix) * tone()
    kind = rng.integers(3)
    if kind == 0:
        edge = int(rng.uniform(0.35, 0.75) * HEIGHT)
        picture[:edge] = 0.3 * picture[:edge] + 0.7 * np.array((150, 185, 225), np.float32)
    elif kind == 1:
        pitch = int(rng.integers(12, 30))
        for row, y in enumerate(range(0, HEIGHT, pitch)):
            picture[y : y + 2] *= 0.6
            for x in range((row % 2) * pitch, WIDTH, 2 * pitch):
                picture[y : y + pitch, x : x + 2] *= 0.6
    for _ in range(int(rng.integers(2, 9))):
        colour = [float(c) for c in (tone() if rng.random() < 0.6 else (RED, WHITE, YELLOW, BLUE)[rng.integers(4)])]
        x, y, r = rng.integers(0, WIDTH), rng.integers(0, HEIGHT), rng.integers(6, 45)
        if rng.random() < 0.5:
            cv2.circle(picture, (int(x), int(y)), int(r), colour, -1, cv2.LINE_AA)
        else:
            points = rng.normal((x, y), r, (int(rng.integers(3, 6)), 2)).astype(np.int32)
            cv2.fillPoly(picture, [points], colour, cv2.LINE_AA)
    return picture


def place(rng, picture, name, taken):
    """Puts a sign, turned and seen from the side, where it hides none of `taken`. -> box x, y, w, h or None"""
    side = float(np.exp(rng.uniform(np.log(22), np.log(120))))
    x, y = rng.uniform(-0.1 * side, WIDTH - 0.9 * side), rng.uniform(-0.1 * side, HEIGHT - 0.9 * side)
    corners = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
    seen = corners * (rng.uniform(0.65, 1.0), 1.0) + rng.normal(0, 0.03, (4, 2)) - 0.5
    turn = rng.normal(0, 0.12)
    seen = seen @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    target = ((seen + 0.5) * side + (x, y)).astype(np.float32)
    drawn, alpha = sign(name)
    # shrinking by a large factor needs an average first, or edges flicker
    shrink = max(1, int(SIDE / side))
    drawn, alpha = (cv2.resize(p, (SIDE // shrink, SIDE // shrink), interpolation=cv2.INTER_AREA) for p in (drawn, alpha))
    matrix = cv2.getPerspectiveTransform(corners * (SIDE // shrink), target)
    flat = cv2.warpPerspective(drawn, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR).astype(np.float32)
    cover = cv2.warpPerspective(alpha, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR).astype(np.float32)[..., None] / 255
    ys, xs = np.nonzero(cover[..., 0] > 0.5)
    if len(xs) < 0.25 * side * side:
        return None
    x0, y0, x1, y1 = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
    if any(x0 < a + w and a < x1 and y0 < b + h and b < y1 for a, b, w, h in taken):
        return None
    picture += cover * (flat * rng.uniform(0.55, 1.1) - picture)
    return [x0, y0, x1 - x0, y1 - y0]


def compose(rng):
    """-> uint8 RGB picture, [(class, box)]"""
    picture = background(rng)
    objects = []
    for _ in range(int(rng.choice([0, 1, 1, 2, 2, 3, 4]))):
        name = int(rng.integers(len(CLASSES)))
        box = place(rng, picture, CLASSES[name], [b for _, b in objects])
        if box:
            objects.append((name, box))
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2))
    picture = picture * rng.uniform(0.6, 1.15) + rng.normal(0, rng.uniform(2, 9), picture.shape)
    return picture.clip(0, 255).astype(np.uint8), objects


def write(out, split, count, rng):
    os.makedirs(os.path.join(out, split), exist_ok=True)
    images, annotations = [], []
    for i in range(1, count + 1):
        picture, objects = compose(rng)
        name = f"{i:04d}.jpg"
        cv2.imwrite(os.path.join(out, split, name), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        images.append(dict(id=i, file_name=name, width=WIDTH, height=HEIGHT))
        for kind, box in objects:
            row = dict(id=len(annotations) + 1, image_id=i, category_id=kind + 1, bbox=box, area=box[2] * box[3], iscrowd=0)
            annotations.append(row)
    categories = [dict(id=k + 1, name=name) for k, name in enumerate(CLASSES)]
    with open(os.path.join(out, f"{split}.json"), "w") as file:
        json.dump(dict(images=images, annotations=annotations, categories=categories), file)
    print(f"{split}: {count} pictures, {len(annotations)} signs")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True)
    p.add_argument("--train", type=int, default=200)
    p.add_argument("--val", type=int, default=60)
    p.add_argument("--seed", type=int, default=7)
    a = p.parse_args()
    for split, count, seed in (("train", a.train, a.seed), ("val", a.val, a.seed + 1)):
        write(a.out, split, count, np.random.default_rng(seed))


if __name__ == "__main__":
    main()
