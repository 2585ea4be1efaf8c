"""Trains a detector, a depth head, or both on PE features; CPU or one GPU, resumed by the same command.

    python tools/train/train.py --config tools/train/configs/dense-t16.json

The config says where the data lie, from which weights to start, and the phases (input size, pictures, learning rate from-to).
Several processes (GPUs, or processor cores) train together, each on its own pictures, their gradients averaged:

    torchrun --nproc_per_node 2 tools/train/train.py --config ... --threads 1

With a `depth` section and `model.dpt` depth is learnt as well, see docs/training-depth.md; `"only": "depth"` learns nothing else.
Progress goes to <out>/log.jsonl, the state (weights, EMA, optimisers, counters) to <out>/last.pt, EMA weights to <out>/ema.pt.
"""

import argparse
import copy
import json
import os
import threading
import time
from queue import Queue

import numpy as np
import torch
import torch.distributed as dist

from data import Composer, jitter_colours, read_data
from depth_data import DepthSource, depth_sets
from depth_evaluate import evaluate_depth, line, predict
from depth_losses import metric_losses, relative_losses
from evaluate import evaluate
from head import Detector
from labels import carry_outputs, names_of, short
from losses import dense_distillation, task_aligned
from model_dir import load_directory
from optim import build_optimizers, share, sum_over_processes
from picodet import PicoDet


def read_start(path):
    """Backbone weights in Meta's names (.safetensors or .pt), or a whole detector: a model directory, or saved by this script.
    -> weights, and of a detector its options and its classes' names (else None)"""
    if os.path.isdir(path):
        model, options = load_directory(path)
        return model.state_dict(), options, getattr(model, "labels", None)
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, weights_only=True, map_location="cpu")
        if "model_options" in state:
            return state["model"], state["model_options"], names_of(state.get("labels", "coco80"))
        for key in ("state_dict", "weights"):
            state = state.get(key, state)
    state = {k.removeprefix("module.").removeprefix("visual."): v.float() for k, v in state.items()}
    return {k: v for k, v in state.items() if not k.startswith("head.")}, None, None


def load_start(model, state, options, labels):
    """What `read_start` gave into a model, whose classes may be others."""
    if options is None:
        model.backbone.load_state_dict(state)
        return
    if model.head is not None and labels and labels != model.labels:
        state = dict(state)
        known = carry_outputs(state, model.head, labels, model.labels)
        print(f"classes {model.labels}; known to the start: {known or 'none'}", flush=True)
    model.load_known(state)


def resolve_options(cfg, options):
    """Options of Detector: those of the config, else those of the detector it starts from (None: a bare backbone). That one's
    depth head stays only where it still fits: where depth is learnt too, or the backbone is fixed."""
    if "model" in cfg:
        return dict(cfg["model"])
    options = dict(options or {})
    if "depth" not in cfg and cfg.get("freeze") != "all" and options.pop("dpt", None):
        print("the start's depth head is left out: it fits the start's backbone only", flush=True)
    return options


class Source(threading.Thread):
    """Makes batches in the background. With a teacher pictures come at twice the size."""

    def __init__(self, cfg, photos, teacher, size, seed):
        super().__init__(daemon=True)
        self.queue = Queue(maxsize=2)
        self.cfg, self.teacher, self.size, self.stopped = cfg, teacher, size, False
        self.composer = Composer(photos, seed, cfg.get("source_weights"), cfg.get("mosaic", 0.45), cfg.get("balance"))
        self.start()

    def run(self):
        batch, scale = self.cfg["batch"], 2 if self.teacher else 1
        while not self.stopped:
            pairs = [self.composer.compose(self.size * scale) for _ in range(batch)]
            images = torch.from_numpy(np.stack([p[0] for p in pairs])).permute(0, 3, 1, 2)
            boxes = [torch.from_numpy(p[1].astype(np.float32)) for p in pairs]
            for b in boxes:
                b[:, :4] /= scale
            self.queue.put((images, boxes))

    def stop(self):
        self.stopped = True
        while not self.queue.empty():
            self.queue.get_nowait()


def flip_maps(maps, classes, bins):
    """Teacher maps of the mirrored picture: columns reversed, left and right distances exchanged."""
    out = []
    for m in maps:
        m = m.flip(-1)
        reg = m[:, classes:].unflatten(1, (4, bins))[:, [2, 1, 0, 3]].flatten(1, 2)
        out.append(torch.cat((m[:, :classes], reg), 1))
    return out


def flip_boxes(boxes, size):
    out = boxes.clone()
    out[:, 0], out[:, 2] = size - boxes[:, 2], size - boxes[:, 0]
    return out


class Trainer:
    def __init__(self, cfg, device):
        self.cfg, self.device = cfg, device
        self.processes, self.rank = share()
        torch.manual_seed(cfg.get("seed", 1))  # the same in every process: so are the weights
        self.only_depth = cfg.get("only") == "depth"
        state, options, known = read_start(os.path.expandvars(cfg["start"])) if cfg.get("start") else (None, None, None)
        self.photos, labels = ([], []) if self.only_depth else read_data(cfg["data"], cfg.get("labels"))
        labels = labels or known or names_of("coco80")
        self.options = resolve_options(cfg, options)
        if self.options.get("detection", True):
            self.options["classes"] = len(labels)
        self.model = Detector(**self.options)
        self.model.labels = labels
        if state is not None:
            load_start(self.model, state, options, known)
        self.model.to(device)
        if "depth" in cfg and self.model.depth is None:
            raise ValueError("the config has `depth` but no `model.dpt`: name at least its taps")
        if cfg.get("freeze"):
            blocks = len(self.model.backbone.transformer.resblocks)
            self.model.backbone.freeze(blocks if cfg["freeze"] == "all" else cfg["freeze"])
        for head in self.idle_heads():
            head.requires_grad_(False)
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizers = build_optimizers(self.model, **cfg.get("optimizer", {}))
        self.seen, self.step = 0, 0
        self.figures = None  # the last measured ones of `evaluate`
        self.generator = torch.Generator().manual_seed(cfg.get("seed", 1) + self.rank)
        self.out = cfg["out"]
        os.makedirs(self.out, exist_ok=True)
        self.resume()

    def resume(self):
        path = os.path.join(self.out, "last.pt")
        if not os.path.exists(path):
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if self.model.head is not None and names_of(state.get("labels", "coco80")) != self.model.labels:
            raise ValueError(f"{path} learns other classes than the data now have: give another `out`")
        lacking = self.model.load_known(state["model"])
        self.ema.load_known(state["ema"])
        if lacking:
            print(f"the saved run has no {lacking}: it starts anew", flush=True)
        for o, s in zip(self.optimizers, state["optimizers"]):
            base = [g["base_lr"] for g in o.param_groups]
            try:
                o.load_state_dict(s)
            except ValueError:
                print("other parameters learn now: this optimiser starts anew", flush=True)
            for g, lr in zip(o.param_groups, base):  # rates come from the config, so that they can be changed between runs
                g["base_lr"] = lr
        self.seen, self.step = state["seen"], state["step"]
        print(f"resumed at {self.seen} pictures", flush=True)

    def agreed(self, flag):
        """The first process's opinion, in every process."""
        if self.processes == 1:
            return flag
        value = torch.tensor([flag], dtype=torch.uint8, device=self.device)
        dist.broadcast(value, 0)
        return bool(value.item())

    def save(self):
        if self.rank:
            return
        options, labels = self.options, short(self.model.labels)
        state = dict(model=self.model.state_dict(), ema=self.ema.state_dict(), seen=self.seen, step=self.step)
        state |= dict(optimizers=[o.state_dict() for o in self.optimizers], model_options=options, labels=labels)
        ema = dict(model=self.ema.state_dict(), model_options=options, labels=labels, seen=self.seen)
        for name, value in (("last.pt", state), ("ema.pt", ema)):
            path = os.path.join(self.out, name)
            torch.save(value, path + ".tmp")
            os.replace(path + ".tmp", path)

    def phase(self):
        """-> (phase, fraction done) or None at the end"""
        start = 0
        for p in self.cfg["phases"]:
            if self.seen < start + p["pictures"]:
                return p, (self.seen - start) / p["pictures"]
            start += p["pictures"]
        return None

    def set_rates(self, phase, fraction):
        low, high = phase["lr"][1], phase["lr"][0]
        factor = (high + (low - high) * fraction) * min(1.0, (self.step + 1) / self.cfg.get("warmup", 200))
        for o in self.optimizers:
            for g in o.param_groups:
                g["lr"] = g["base_lr"] * factor

    def losses(self, maps, teacher_maps, boxes):
        classes, bins = self.model.head.classes, self.model.head.bins
        weights = self.cfg.get("loss", {})
        total, parts = 0.0, {}
        if teacher_maps is not None:
            values = dense_distillation(maps, teacher_maps, self.model.strides, classes, bins, beta=weights.get("beta", 2.0))
            for name, value, weight in zip(("cls", "box", "kl"), values, weights.get("dense", (1.0, 1.5, 0.25))):
                total, parts["dense_" + name] = total + weight * value, value.item()
        # without a teacher the boxes are all there is to learn from
        of_boxes = weights.get("boxes", (0, 0, 0) if teacher_maps is not None else (1.0, 2.0, 0.25))
        if any(of_boxes):
            values = task_aligned(maps, boxes, self.model.strides, classes, bins)
            for name, value, weight in zip(("cls", "box", "dfl"), values, of_boxes):
                total, parts["boxes_" + name] = total + weight * value, value.item()
        return total, parts

    def depth_losses(self, source, amp):
        """One batch of pictures with depth. -> weighted loss, parts, pictures"""
        images, inverse, state, weights = source.get()
        x = images.to(self.device).float() / 127.5 - 1
        with amp():
            out = self.model.depth_map(x)
        compute = metric_losses if self.model.depth.bins else relative_losses
        values = compute(out, inverse.to(self.device), state.to(self.device), weights)
        total, parts = 0.0, {}
        for name, value, weight in zip(("depth", "depth_sky", "depth_edges"), values, self.cfg["depth"].get("loss", (1.0, 0.5, 0.5))):
            total, parts[name] = total + weight * value, value.item()
        return total, parts, len(images)

    def update_ema(self):
        decay = min(self.cfg.get("ema", 0.9995), (1 + self.step) / (20 + self.step))
        for e, p in zip(self.ema.state_dict().values(), self.model.state_dict().values()):
            if e.dtype.is_floating_point:
                e.lerp_(p, 1 - decay)
            else:
                e.copy_(p)

    def labelled(self, source, teacher, size, amp):
        """Takes one new batch into the pool and yields `replay` batches drawn from it, mirrored at random."""
        images, boxes = source.queue.get()
        images = images.to(self.device)
        teacher_maps = None
        if teacher:
            with amp():
                teacher_maps = [m.half() for m in teacher(images)[1:]]
            images = torch.nn.functional.avg_pool2d(images.float(), 2).round().byte()
        self.pool.append((images, teacher_maps, boxes))
        replay = self.cfg.get("replay", 1)
        if len(self.pool) > self.cfg.get("pool", 8 * replay):
            self.pool.pop(0)
        for turn in range(replay):
            # the newest batch is used once for certain
            index = -1 if turn == 0 else int(torch.randint(len(self.pool), (), generator=self.generator))
            x, maps, targets = self.pool[index]
            x = x.float()
            maps = None if maps is None else [m.float() for m in maps]
            # signs and letters are others in the mirror: `"mirror": false`
            if self.cfg.get("mirror", True) and torch.rand((), generator=self.generator) < 0.5:
                x = x.flip(-1)
                maps = None if maps is None else flip_maps(maps, self.model.head.classes, self.model.head.bins)
                targets = [flip_boxes(b, size) for b in targets]
            yield x, maps, targets

    def idle_heads(self):
        """Heads that do not learn."""
        idle = [self.model.head if self.only_depth else None, None if "depth" in self.cfg else self.model.depth]
        return [head for head in idle if head is not None]

    def train_mode(self):
        """A head that does not learn keeps its batch norms' statistics."""
        self.model.train()
        for head in self.idle_heads():
            head.eval()

    def run(self, minutes=None):
        cfg, begun = self.cfg, time.time()
        depth = cfg.get("depth") or {}
        sets = depth_sets(depth["data"]) if depth else []
        for s in sets:
            print(f"{s.folder}: {len(s.frames)} pictures with depth, weight {s.weight}", flush=True)
        # depth batches that each detection batch brings; what is left of a whole one is carried on
        ratio, due = depth.get("ratio", 1), 0.0
        photos = self.photos
        teacher = PicoDet(os.path.expandvars(cfg["teacher"]), self.device) if cfg.get("teacher") and photos else None
        amp = lambda: torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=cfg.get("bf16", True))  # noqa: E731
        print(f"{len(photos)} photographs, {sum(p.numel() for p in self.model.parameters())} parameters", flush=True)
        source, depth_source, size, next_save, mean, clock = None, None, None, self.seen + cfg["save_every"], {}, time.time()
        log = open(os.path.join(self.out, "log.jsonl"), "a")
        while (now := self.phase()) is not None:
            if minutes is not None and self.agreed(time.time() - begun > 60 * minutes):
                break
            phase, fraction = now
            if phase["size"] != size:
                for s in (source, depth_source):
                    if s:
                        s.stop()
                size = phase["size"]
                self.pool = []
                seed = cfg.get("seed", 1) * 1000003 + self.seen + 7919 * self.rank
                source = Source(cfg, photos, teacher, size, seed) if photos else None
                depth_source = DepthSource(sets, depth.get("batch", cfg["batch"]), depth.get("size", size), seed + 1) if sets else None
            for batch in self.labelled(source, teacher, size, amp) if source else [None]:
                self.set_rates(phase, fraction)
                self.train_mode()
                for o in self.optimizers:
                    o.zero_grad(set_to_none=True)
                parts, pictures = {}, 0
                if batch:
                    x, teacher_maps, boxes = batch
                    pictures = len(x)
                    with amp():
                        maps = self.model(jitter_colours(x, self.generator) / 127.5 - 1)
                    loss, parts = self.losses(maps, teacher_maps, boxes)
                    loss.backward()
                due += (ratio if batch else 1) if depth_source else 0
                while due >= 1:
                    due -= 1
                    loss, found, count = self.depth_losses(depth_source, amp)
                    loss.backward()
                    parts |= found
                    pictures = pictures or count  # where detection is learnt, its pictures are the ones counted
                sum_over_processes([p.grad for p in self.model.parameters() if p.grad is not None], mean=True)
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), cfg.get("clip", 5.0))
                for o in self.optimizers:
                    o.step()
                self.step += 1
                self.seen += pictures * self.processes
                self.update_ema()
                for k, v in parts.items():
                    mean.setdefault(k, []).append(v)
            if self.rank == 0 and self.step % cfg.get("log_every", 50) < (cfg.get("replay", 1) if source else 1):
                rate = sum(len(v) for v in list(mean.values())[:1]) * pictures * self.processes / (time.time() - clock)
                row = dict(seen=self.seen, size=size, rate=round(rate, 1), **{k: round(float(np.mean(v)), 4) for k, v in mean.items()})
                print(json.dumps(row), flush=True)
                log.write(json.dumps(row) + "\n"), log.flush()
                mean, clock = {}, time.time()
            if self.seen >= next_save:
                next_save += cfg["save_every"]
                self.save()
                self.report(log)
                clock = time.time()
        self.save()
        self.report(log)

    def report(self, log):
        if self.rank:
            return
        e = self.cfg.get("evaluate")
        d = (self.cfg.get("depth") or {}).get("evaluate")
        if d:
            found = evaluate_depth(lambda p: predict(self.ema, p, d["size"]), os.path.expandvars(d["data"]))
            print(line(f"depth at {self.seen}", found), flush=True)
            row = {k: [round(v, 4) for v in values] for k, values in found.items()}
            log.write(json.dumps(dict(seen=self.seen, depth_size=d["size"], depth=row)) + "\n"), log.flush()
        if e and not self.only_depth:
            paths = [os.path.expandvars(e[k]) for k in ("images", "annotations")]
            self.figures = {k: round(v, 4) for k, v in evaluate(self.ema, *paths, e["size"]).items()}
            row = dict(seen=self.seen, eval_size=e["size"], **self.figures)
            print(json.dumps(row), flush=True)
            log.write(json.dumps(row) + "\n"), log.flush()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--config", required=True)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--minutes", type=float, help="stop (saved, evaluated) after this long")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if "WORLD_SIZE" in os.environ:  # started by torchrun
        dist.init_process_group("nccl" if a.device == "cuda" else "gloo")
        if a.device == "cuda":
            a.device = f"cuda:{os.environ['LOCAL_RANK']}"
            torch.cuda.set_device(a.device)
    with open(a.config) as file:
        Trainer(json.load(file), a.device).run(a.minutes)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
