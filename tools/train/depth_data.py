"""Pictures with depth for training: rendered frames and RGB-D folders, drawn by weight, cropped, mirrored, disturbed.

Two layouts are read, each an entry of the config's `depth.data`:

    {"rendered": DIR}  <name>.png, <name>_depth.png (uint16, metres * 500, 65535 = sky), <name>.json (written last), any depth below
    {"rgbd": DIR}      color/<stem>.(png|jpg|webp), depth/<stem>.png (uint16, 0 = none), here or in folders below;
                       `scale` units a metre: 1000 (NYU, TUM after scaling) by default, 256 for KITTI

Further keys: `weight` (share of an entry among the pictures drawn), `loss` (weight of its loss), `gradient` (weight of the gradient
matching; low where depth edges and picture edges are out of register), `trim` (part of the largest residuals left out: wrong depth),
`border` (masked at the frame's edge), `augment` ("strong" for rendered pictures: blur, noise, compression, colour casts).
"""

import glob
import os
import threading
from dataclasses import dataclass, field
from queue import Queue

import cv2
import numpy as np

cv2.setNumThreads(0)

NONE, KNOWN, SKY = 0, 1, 2
RENDERED_UNITS, RENDERED_SKY = 500.0, 65535


@dataclass
class DepthSet:
    """One entry of `depth.data` with the frames found there: (colour path, depth path)."""

    kind: str
    folder: str
    weight: float = 1.0
    loss: float = 1.0
    gradient: float = 1.0
    trim: float = 0.0
    border: float = 0.0
    scale: float = 1000.0
    augment: str = "plain"
    frames: list = field(default_factory=list)

    def refresh(self):
        """Looks for frames again: a renderer may be adding some."""
        if self.kind == "rendered":
            stems = (p[: -len(".json")] for p in sorted(glob.glob(os.path.join(self.folder, "**", "*.json"), recursive=True)))
            self.frames = [(s + ".png", s + "_depth.png") for s in stems if os.path.exists(s + "_depth.png")]
        else:
            self.frames = []
            for colour in sorted(glob.glob(os.path.join(self.folder, "**", "color"), recursive=True)):
                depth = os.path.join(os.path.dirname(colour), "depth")
                for name in sorted(os.listdir(colour)):
                    path = os.path.join(depth, os.path.splitext(name)[0] + ".png")
                    if os.path.exists(path):
                        self.frames.append((os.path.join(colour, name), path))
        if not self.frames:
            raise FileNotFoundError(f"no {self.kind} frames below {self.folder}")

    def read(self, index):
        """-> picture uint8 [h, w, 3] RGB, inverse depth float32 [h, w] in 1/m, state uint8 [h, w] (NONE, KNOWN, SKY)"""
        colour, depth = self.frames[index]
        picture, raw = cv2.imread(colour, cv2.IMREAD_COLOR), cv2.imread(depth, cv2.IMREAD_UNCHANGED)
        if picture is None or raw is None or raw.ndim != 2:
            raise ValueError(f"unreadable pair {colour}, {depth}")
        units = RENDERED_UNITS if self.kind == "rendered" else self.scale
        state = (raw > 0).astype(np.uint8)
        if self.kind == "rendered":
            state[raw == RENDERED_SKY] = SKY
        inverse = np.where(state == KNOWN, units / np.maximum(raw, 1), 0).astype(np.float32)
        if picture.shape[:2] != raw.shape:
            picture = cv2.resize(picture, raw.shape[::-1], interpolation=cv2.INTER_AREA)
        if self.border:
            h, w = raw.shape
            y, x = max(1, round(h * self.border)), max(1, round(w * self.border))
            inner = np.zeros_like(state)
            inner[y : h - y, x : w - x] = 1
            state *= inner
        return picture[:, :, ::-1], inverse, state


def depth_sets(entries):
    """Entries of the config -> [DepthSet] with their frames."""
    sets = []
    for entry in entries:
        kind = "rendered" if "rendered" in entry else "rgbd"
        options = {k: v for k, v in entry.items() if k not in ("rendered", "rgbd")}
        if kind == "rendered":
            options.setdefault("augment", "strong")
        else:
            for key, value in (("gradient", 0.25), ("trim", 0.1), ("border", 0.02)):
                options.setdefault(key, value)
        found = DepthSet(kind, os.path.expandvars(entry[kind]), **options)
        found.refresh()
        sets.append(found)
    return sets


class DepthComposer:
    """Draws training samples. The same seed and the same files give the same samples."""

    def __init__(self, sets, seed, refresh=4000):
        self.sets, self.rng, self.refresh, self.drawn = sets, np.random.default_rng(seed), refresh, 0
        weights = np.array([s.weight for s in sets], np.float64)
        self.cumulative = np.cumsum(weights / weights.sum())

    def sample(self, size):
        """-> picture uint8 [size, size, 3], inverse [size / 2, size / 2], state [size / 2, size / 2], the DepthSet"""
        self.drawn += 1
        if self.drawn % self.refresh == 0:
            for s in self.sets:
                s.refresh()
        rng = self.rng
        chosen = self.sets[min(int(np.searchsorted(self.cumulative, rng.random())), len(self.sets) - 1)]
        for _ in range(20):
            picture, inverse, state = self.crop(*chosen.read(int(rng.integers(len(chosen.frames)))), size)
            if (state == KNOWN).mean() > 0.1:
                break
        picture = strong(picture, rng) if chosen.augment == "strong" else plain(picture, rng)
        return picture, inverse, state, chosen

    def crop(self, picture, inverse, state, size):
        """A random part with the picture's proportions jittered, stretched to a square as the model's input is; mirrored or not."""
        rng = self.rng
        h, w = state.shape
        area, aspect = rng.uniform(0.45, 1.0), np.exp(rng.uniform(-0.25, 0.25))
        pw = min(1.0, np.sqrt(area * aspect))
        ph = min(1.0, area / pw)
        cw, ch = max(8, round(pw * w)), max(8, round(ph * h))
        x, y = int(rng.integers(w - cw + 1)), int(rng.integers(h - ch + 1))
        part = slice(y, y + ch), slice(x, x + cw)
        way = cv2.INTER_AREA if ch > size else cv2.INTER_LINEAR
        picture = cv2.resize(np.ascontiguousarray(picture[part]), (size, size), interpolation=way)
        near = lambda a: cv2.resize(np.ascontiguousarray(a[part]), (size // 2, size // 2), interpolation=cv2.INTER_NEAREST_EXACT)  # noqa: E731
        inverse, state = near(inverse), near(state)
        if rng.random() < 0.5:
            picture, inverse, state = picture[:, ::-1], inverse[:, ::-1], state[:, ::-1]
        return picture, inverse, state


def plain(picture, rng, power=1.0):
    """Brightness, contrast, saturation, gamma, a cast. -> uint8"""
    x = picture.astype(np.float32) / 255
    x = x ** np.exp(rng.normal(0, 0.2 * power))
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * rng.uniform(1 - 0.4 * power, 1 + 0.4 * power)
    x = x * (rng.uniform(1 - 0.25 * power, 1 + 0.25 * power) * np.exp(rng.normal(0, 0.06 * power, 3)))
    x = (x - x.mean()) * rng.uniform(1 - 0.3 * power, 1 + 0.25 * power) + x.mean() + rng.normal(0, 0.03 * power)
    return (x * 255).clip(0, 255).astype(np.uint8)


def strong(picture, rng):
    """Takes away the rendered look: what lenses, sensors and files do to pictures, more of it than usual."""
    size = picture.shape[0]
    x = picture
    if rng.random() < 0.3:  # coarse pictures, enlarged
        small = int(size * rng.uniform(0.35, 0.8))
        x = cv2.resize(np.ascontiguousarray(x), (small, small), interpolation=cv2.INTER_AREA)
        x = cv2.resize(x, (size, size), interpolation=[cv2.INTER_LINEAR, cv2.INTER_CUBIC][int(rng.integers(2))])
    roll = rng.random()
    if roll < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.8))
    elif roll < 0.45:  # motion
        n = int(rng.integers(3, 10))
        kernel = np.zeros((n, n), np.float32)
        angle = rng.uniform(0, np.pi)
        c, dx, dy = (n - 1) / 2, np.cos(angle) * n / 2, np.sin(angle) * n / 2
        cv2.line(kernel, (round(c - dx), round(c - dy)), (round(c + dx), round(c + dy)), 1.0)
        x = cv2.filter2D(x, -1, kernel / kernel.sum())
    x = plain(x, rng, 1.6)
    if rng.random() < 0.3:  # uneven light
        y, z = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
        shade = 1 + rng.uniform(-0.6, 0.6) * y + rng.uniform(-0.6, 0.6) * z - rng.uniform(0, 1.0) * (y * y + z * z)
        x = (x * shade[..., None]).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        x = np.repeat(x.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    if rng.random() < 0.6:  # sensor noise: part of it grows with the light
        sigma, shot = rng.uniform(0, 10), rng.uniform(0, 0.6)
        noise = rng.standard_normal(x.shape, np.float32)
        if rng.random() < 0.5:
            noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.8
        x = (x + noise * np.sqrt(sigma**2 + shot * x)).clip(0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        ok, data = cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])
        x = cv2.imdecode(data, cv2.IMREAD_COLOR) if ok else x
    return x


class DepthSource(threading.Thread):
    """Makes batches in the background: images uint8 [B, 3, s, s], inverse and state [B, s/2, s/2], weights [B, 3] (loss, gradient, trim)."""

    def __init__(self, sets, batch, size, seed):
        super().__init__(daemon=True)
        self.queue, self.batch, self.size, self.stopped = Queue(maxsize=3), batch, size, False
        self.composer = DepthComposer(sets, seed)
        self.error = None
        self.start()

    def run(self):
        import torch

        try:
            while not self.stopped:
                samples = [self.composer.sample(self.size) for _ in range(self.batch)]
                stack = lambda i: torch.from_numpy(np.stack([s[i] for s in samples]))  # noqa: E731
                weights = torch.tensor([[s[3].loss, s[3].gradient, s[3].trim] for s in samples])
                self.queue.put((stack(0).permute(0, 3, 1, 2), stack(1), stack(2), weights))
        except Exception as error:  # the trainer, not this thread, must end
            self.error = error
            self.queue.put(None)

    def get(self):
        item = self.queue.get()
        if item is None:
            raise RuntimeError("depth data cannot be read") from self.error
        return item

    def stop(self):
        self.stopped = True
        while not self.queue.empty():
            self.queue.get_nowait()
