"""A small ONNX model written by the reference `onnx` package, and what that package says is in it.

Run:    python tools/golden/onnx_model.py
Needs:  onnx, numpy (versions in requirements.txt)
Writes: test/golden/onnx/reference.onnx, test/golden/onnx/reference.json
"""
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).resolve().parents[2] / 'test/golden/onnx'
OUT.mkdir(parents=True, exist_ok=True)

w = numpy_helper.from_array(np.arange(12, dtype=np.float32).reshape(4, 3), 'w')
b = helper.make_tensor('b', TensorProto.FLOAT, [3], [0.5, -1, 2])  # float_data, not raw_data
idx = helper.make_tensor('axes', TensorProto.INT64, [1], [-1])
far = TensorProto(name='far', data_type=TensorProto.FLOAT16, dims=[300, 2], data_location=TensorProto.EXTERNAL)
for k, v in [('location', 'weights.bin'), ('offset', '4096'), ('length', '1200')]:
    far.external_data.add(key=k, value=v)
nodes = [
    helper.make_node('MatMul', ['x', 'w'], ['h'], name='first'),
    helper.make_node('Add', ['h', 'b'], ['s']),
    helper.make_node('FusedGelu', ['s', ''], ['y'], domain='com.example', alpha=1.5),
    helper.make_node('Unsqueeze', ['y', 'axes'], ['z']),
]
graph = helper.make_graph(
    nodes, 'reference',
    [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['batch', 4]), helper.make_tensor_value_info('w', TensorProto.FLOAT, [4, 3])],
    [helper.make_tensor_value_info('z', TensorProto.FLOAT, ['batch', 3, None]), helper.make_tensor_value_info('y', TensorProto.FLOAT, ['batch', 3])],
    [w, b, idx, far])
model = helper.make_model(graph, producer_name='reference', ir_version=8,
                          opset_imports=[helper.make_opsetid('', 17), helper.make_opsetid('com.example', 3)])
helper.set_model_props(model, {'author': 'tools/golden/onnx_model.py', 'labels': 'a,b'})
(OUT / 'reference.onnx').write_bytes(model.SerializeToString())


def value(v):
    t = v.type.tensor_type
    return {'name': v.name, 'dtype': {1: 'float32'}[t.elem_type],
            'shape': [d.dim_param or (d.dim_value if d.HasField('dim_value') else '?') for d in t.shape.dim]}


def weight(t):
    name = {1: 'float32', 7: 'int64', 10: 'float16'}[t.data_type]
    out = {'name': t.name, 'dtype': name, 'shape': list(t.dims)}
    if t.data_location == TensorProto.EXTERNAL:
        e = {x.key: x.value for x in t.external_data}
        out['external'] = {'location': e['location'], 'offset': int(e['offset']), 'length': int(e['length'])}
    return out


g = model.graph
json.dump({
    'irVersion': model.ir_version, 'producer': model.producer_name, 'graphName': g.name,
    'opsets': {o.domain: o.version for o in model.opset_import},
    'metadata': {p.key: p.value for p in model.metadata_props},
    'inputs': [value(v) for v in g.input if v.name != 'w'], 'outputs': [value(v) for v in g.output],
    'nodes': [{'name': n.name, 'type': n.op_type, 'domain': n.domain, 'inputs': list(n.input), 'outputs': list(n.output)} for n in g.node],
    'weights': [weight(t) for t in g.initializer],
}, open(OUT / 'reference.json', 'w'), indent=1)
print('written', OUT, 'onnx', onnx.__version__)
