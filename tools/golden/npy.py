"""Small .npy files as NumPy writes them: every type, both byte orders, Fortran order, header versions 1 to 3.

Run:    python tools/golden/npy.py
Needs:  numpy (version in requirements.txt)
Writes: test/golden/npy.json (files in base64 with the numbers they hold)
"""
import base64
import io
import json
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parents[2] / 'test/golden/npy.json'
cases = []


def add(name, array, version=None):
    f = io.BytesIO()
    np.lib.format.write_array(f, array, version=version)
    cases.append({'name': name, 'file': base64.b64encode(f.getvalue()).decode(), 'shape': list(array.shape), 'values': [str(v) for v in array.astype(object).ravel().tolist()]})


for t in ['f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8']:
    values = np.array([[0, 1, 2], [100, 101, 127]]).astype(t)
    if t[0] in 'fi':
        values[0, 0] = -7
    if t[0] == 'f':
        values[1, 1] = 0.15625
    add(t, values)
    if t[1] != '1':
        add(f'{t} big-endian', values.astype('>' + t))
add('bool', np.array([True, False, True]))
add('fortran', np.asfortranarray(np.arange(24, dtype='f4').reshape(2, 3, 4)))
add('scalar', np.array(2.5))
add('empty', np.zeros((0, 3), 'f4'))
add('version 2', np.arange(4, dtype='i4'), (2, 0))
add('version 3', np.arange(4, dtype='i4'), (3, 0))
OUT.write_text(json.dumps(cases) + '\n')
f = io.BytesIO()
np.save(f, np.arange(6, dtype='f4').reshape(2, 3))
print(base64.b64encode(f.getvalue()).decode())
