"""Files for tools/golden/own_detectors.py that are not published in the form a test of a layout needs.

Everything stays outside the repository: the weights belong to their publishers (all Apache-2.0).
"""

import struct
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnx.version_converter
from onnx import TensorProto, helper, numpy_helper

HALF = 0x01306B47  # ncnn's tag of weights stored as float16


def ncnn_to_onnx(stem, size, joined):
    """An ncnn network of plain layers as ONNX, one output `output` [1, cells, numbers] of the blobs `joined`."""
    data, at = Path(f"{stem}.bin").read_bytes(), 0
    nodes, weights, shapes = [], [], {}
    const = {}

    def constant(name, values):
        if name not in const:
            const[name] = True
            weights.append(numpy_helper.from_array(values, name))
        return name

    def add(kind, inputs, outputs, **attributes):
        nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    for line in Path(f"{stem}.param").read_text().splitlines()[2:]:
        kind, name, n_in, n_out, *rest = line.split()
        n_in, n_out = int(n_in), int(n_out)
        ins, outs, p = rest[:n_in], rest[n_in : n_in + n_out], dict(x.split("=") for x in rest[n_in + n_out :])
        if kind.startswith("Convolution"):
            count, out, groups = int(p["6"]), int(p["0"]), int(p.get("7", 1))
            (flag,) = struct.unpack_from("<I", data, at)
            at += 4
            if flag == HALF:
                w = np.frombuffer(data, np.float16, count, at).astype(np.float32)
                at += (2 * count + 3) // 4 * 4
            elif flag == 0:
                w = np.frombuffer(data, np.float32, count, at).copy()
                at += 4 * count
            else:
                raise ValueError(f"{name}: weights tagged {flag:#x}")
            bias = np.frombuffer(data, np.float32, out, at).copy()
            at += 4 * out
            side, stride, pad = int(p["1"]), int(p["3"]), int(p["4"])
            inputs = [ins[0], constant(f"{name}.w", w.reshape(out, -1, side, side)), constant(f"{name}.b", bias)]
            acted = f"{name}.linear" if p.get("9", "0") != "0" else outs[0]
            add("Conv", inputs, [acted], strides=[stride] * 2, pads=[pad] * 4, kernel_shape=[side] * 2, group=groups)
            shapes[outs[0]] = out
            if p.get("9") == "2":
                add("LeakyRelu", [acted], outs, alpha=float(p["-23310"].split(",")[1]))
            elif p.get("9") == "1":
                add("Relu", [acted], outs)
            elif p.get("9", "0") != "0":
                raise ValueError(f"{name}: activation {p['9']}")
        elif kind == "Input":
            pass
        elif kind == "Pooling":
            add("MaxPool", ins, outs, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
            shapes[outs[0]] = shapes[ins[0]]
        elif kind == "Split":
            for o in outs:
                add("Identity", ins, [o])
                shapes[o] = shapes[ins[0]]
        elif kind == "Concat":
            add("Concat", ins, outs, axis=1)
            shapes[outs[0]] = sum(shapes[i] for i in ins)
        elif kind == "BinaryOp":
            add({"0": "Add", "2": "Mul"}[p["0"]], ins, outs)
            shapes[outs[0]] = shapes[ins[0]]
        elif kind == "ShuffleChannel":
            c, g = shapes[ins[0]], int(p["0"])
            order = np.arange(c).reshape(g, c // g).T.ravel()
            add("Gather", [ins[0], constant(f"shuffle{c}.{g}", order.astype(np.int64))], outs, axis=1)
            shapes[outs[0]] = c
        elif kind == "Slice":
            first, c = p["-23300"].split(",")[1], shapes[ins[0]]
            cut = c // 2 if int(first) < 0 else int(first)
            add("Split", [ins[0], constant(f"split{cut}.{c}", np.array([cut, c - cut], np.int64))], outs, axis=1)
            shapes[outs[0]], shapes[outs[1]] = cut, c - cut
        elif kind == "Interp":
            scales = constant("twice", np.array([1, 1, 2, 2], np.float32))
            mode = {"1": "nearest", "2": "linear"}[p["0"]]
            add("Resize", [ins[0], "", scales], outs, mode=mode, coordinate_transformation_mode="half_pixel")
            shapes[outs[0]] = shapes[ins[0]]
        elif kind == "Sigmoid":
            add("Sigmoid", ins, outs)
            shapes[outs[0]] = shapes[ins[0]]
        elif kind != "Permute":  # of unused outputs
            raise ValueError(f"layer {kind}")
    assert at == len(data), (at, len(data))
    flat = []
    for level, (scores, sides) in enumerate(joined):
        add("Concat", [scores, sides], [f"level{level}"], axis=1)
        add("Reshape", [f"level{level}", constant("flat", np.array([0, 0, -1], np.int64))], [f"flat{level}"])
        flat.append(f"flat{level}")
    add("Concat", flat, ["all"], axis=2)
    add("Transpose", ["all"], ["output"], perm=[0, 2, 1])
    graph = helper.make_graph(
        nodes,
        Path(stem).name,
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, None, None])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def yolox_decoded(model, size, strides=(8, 16, 32)):
    """Raw grid -> boxes cx, cy, w, h in pixels, as YOLOX's export with decode_in_inference."""
    corner, step = [], []
    for s in strides:
        ys, xs = np.mgrid[0 : size // s, 0 : size // s]
        corner.append(np.stack([xs.ravel(), ys.ravel()], 1))
        step.append(np.full((xs.size, 1), s))
    g = model.graph
    raw = g.output[0].name
    g.initializer.extend(
        [
            numpy_helper.from_array(np.concatenate(corner).astype(np.float32)[None], "grid"),
            numpy_helper.from_array(np.concatenate(step).astype(np.float32)[None], "stride"),
            numpy_helper.from_array(np.array([2, 2, 81], np.int64), "parts"),
        ]
    )
    g.node.extend(
        [
            helper.make_node("Split", [raw, "parts"], ["raw_xy", "raw_wh", "raw_rest"], axis=-1),
            helper.make_node("Add", ["raw_xy", "grid"], ["xy_cells"]),
            helper.make_node("Mul", ["xy_cells", "stride"], ["xy"]),
            helper.make_node("Exp", ["raw_wh"], ["wh_cells"]),
            helper.make_node("Mul", ["wh_cells", "stride"], ["wh"]),
            helper.make_node("Concat", ["xy", "wh", "raw_rest"], ["decoded"], axis=-1),
        ]
    )
    del g.output[:]
    g.output.append(helper.make_tensor_value_info("decoded", TensorProto.FLOAT, [1, 3549, 85]))
    return model


def yolox_nms(model, iou=0.65, score=0.001):
    """Behind yolox_decoded: rows [n, 7] of picture, x1, y1, x2, y2, class, score."""
    g = model.graph
    for name, value in (
        ("boxes_scores", np.array([4, 1, 80], np.int64)),
        ("halves", np.array([2, 2], np.int64)),
        ("half", np.array(0.5, np.float32)),
        ("most", np.array([1000], np.int64)),
        ("iou", np.array([iou], np.float32)),
        ("floor", np.array([score], np.float32)),
        ("column0", np.array([0], np.int64)),
        ("column1", np.array([1], np.int64)),
        ("column2", np.array([2], np.int64)),
        ("pair", np.array([0, 2], np.int64)),
        ("row", np.array([-1], np.int64)),
        ("swap", np.array([1, 0, 3, 2], np.int64)),
    ):
        g.initializer.append(numpy_helper.from_array(value, name))
    node = helper.make_node
    g.node.extend(
        [
            node("Split", ["decoded", "boxes_scores"], ["box", "object", "class"], axis=-1),
            node("Mul", ["object", "class"], ["score_rows"]),
            node("Transpose", ["score_rows"], ["score_columns"], perm=[0, 2, 1]),
            node("Split", ["box", "halves"], ["centre", "size"], axis=-1),
            node("Mul", ["size", "half"], ["reach"]),
            node("Sub", ["centre", "reach"], ["low"]),
            node("Add", ["centre", "reach"], ["high"]),
            node("Concat", ["low", "high"], ["corners"], axis=-1),
            node("NonMaxSuppression", ["corners", "score_columns", "most", "iou", "floor"], ["chosen"]),
            node("Gather", ["chosen", "column0"], ["chosen_picture"], axis=1),
            node("Gather", ["chosen", "column1"], ["chosen_class"], axis=1),
            node("Gather", ["chosen", "pair"], ["at_box"], axis=1),
            node("GatherND", ["corners", "at_box"], ["out_box"]),
            node("GatherND", ["score_columns", "chosen"], ["out_score_flat"]),
            node("Unsqueeze", ["out_score_flat", "row"], ["out_score"]),
            node("Cast", ["chosen_picture"], ["out_picture"], to=TensorProto.FLOAT),
            node("Cast", ["chosen_class"], ["out_class"], to=TensorProto.FLOAT),
            node("Concat", ["out_picture", "out_box", "out_class", "out_score"], ["detections"], axis=1),
        ]
    )
    del g.output[:]
    g.output.append(helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["n", 7]))
    return model


def without_postprocessor(path, out):
    """DEIMv2 as its network alone gives it: logits [1, n, 80] and boxes cx, cy, w, h in shares."""
    model = onnx.load(path)
    source = {n.name: n.input[0] for n in model.graph.node}
    logits, boxes = source["/postprocessor/Sigmoid"], source["/postprocessor/Split"]
    for name, old in (("logits", logits), ("pred_boxes", boxes)):
        model.graph.node.append(helper.make_node("Identity", [old], [name]))
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None, None]))
    whole = out.with_suffix(".whole.onnx")
    onnx.save(model, whole)
    onnx.utils.extract_model(str(whole), str(out), ["images"], ["logits", "pred_boxes"], check_model=False)
    whole.unlink()


def convert(models, teachers):
    def place(name, file):
        (models / name).mkdir(parents=True, exist_ok=True)
        return models / name / file

    nanodet = ncnn_to_onnx(
        teachers / "nanodet-plus-m_416", 416, [(f"cls{s}", f"dis{s}_pre") for s in (8, 16, 32, 64)]
    )
    onnx.checker.check_model(nanodet)
    onnx.save(nanodet, place("nanodet-plus-m-416", "nanodet_plus_m_416.onnx"))
    raw = models / "yolox-nano" / "yolox_nano.onnx"
    modern = onnx.version_converter.convert_version(onnx.load(raw), 17)
    decoded = yolox_decoded(modern, 416)
    onnx.checker.check_model(decoded)
    onnx.save(decoded, place("yolox-nano-decoded", "yolox_nano_decoded.onnx"))
    suppressed = yolox_nms(decoded)
    onnx.checker.check_model(suppressed)
    onnx.save(suppressed, place("yolox-nano-nms", "yolox_nano_nms.onnx"))
    without_postprocessor(
        models / "deimv2-femto" / "deimv2_hgnetv2_femto_coco.onnx",
        place("deimv2-femto-logits", "deimv2_femto_logits.onnx"),
    )
