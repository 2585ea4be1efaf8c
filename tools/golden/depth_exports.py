"""What independent readers see in the files that pe-dense writes for depth.

Run: npx tsx tools/golden/depth_exports.ts && python tools/golden/depth_exports.py
(needs numpy, opencv-python-headless, pillow, plyfile, trimesh, pygltflib; see requirements.txt)

Reads test/golden/depth-exports/*.{png,npy,pfm,ply,glb}, written by the first command from a scene of 12 x 9 pixels, and
writes read.json beside them: OpenCV's and Pillow's reading of the PNGs, OpenCV's of the PFM, NumPy's of the npy, plyfile's
and trimesh's of the clouds, trimesh's and pygltflib's of the meshes. Writes colormaps.json: OpenCV's colour maps.
"""
import json
from pathlib import Path

import cv2
import numpy as np
import pygltflib
import trimesh
from PIL import Image
from plyfile import PlyData

OUT = Path(__file__).parents[2] / 'test/golden/depth-exports'


def table(code):
    return cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], code)[:, 0, ::-1].tolist()


def rounded(a, digits=6):
    return np.round(np.asarray(a, np.float64), digits).tolist()


def png(path, grey):
    a = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert a.dtype == (np.uint16 if grey else np.uint8), a.dtype
    with Image.open(path) as im:
        im.load()
        text = dict(im.text)
        assert np.array_equal(np.asarray(im), a if grey else a[..., ::-1])
    return {'values': (a if grey else a[..., ::-1]).reshape(-1).tolist(), 'shape': list(a.shape), 'text': text}


def cloud(path):
    ply = PlyData.read(path)
    v = ply['vertex']
    xyz = np.stack([v[k] for k in 'xyz'], 1)
    rgb = np.stack([v[k] for k in ('red', 'green', 'blue')], 1)
    assert xyz.dtype == np.float32 and rgb.dtype == np.uint8
    other = trimesh.load(path, process=False)
    assert np.array_equal(other.vertices.astype(np.float32), xyz) and np.array_equal(other.colors[:, :3], rgb)
    return {'points': rounded(xyz), 'colors': rgb.tolist(), 'comments': ply.comments, 'byte_order': ply.byte_order}


def mesh(path):
    gltf = pygltflib.GLTF2().load(str(path))
    assert gltf.asset.version == '2.0'
    geometry = trimesh.load(path, process=False)
    assert len(geometry.geometry) == 1
    m = next(iter(geometry.geometry.values()))
    accessor = gltf.accessors[gltf.meshes[0].primitives[0].attributes.POSITION]
    assert np.allclose(accessor.min, m.vertices.min(0)) and np.allclose(accessor.max, m.vertices.max(0))
    assert m.visual.material.baseColorTexture.size == (1, 1)
    return {'vertices': rounded(m.vertices), 'faces': m.faces.tolist(), 'uv': rounded(m.visual.uv),
            'notes': gltf.asset.extras['notes'], 'unlit': gltf.extensionsUsed,
            'double_sided': gltf.materials[0].doubleSided}


def main():
    maps = {name: table(getattr(cv2, f'COLORMAP_{name.upper()}')) for name in ('turbo', 'viridis', 'inferno')}
    (OUT / 'colormaps.json').write_text(json.dumps(maps) + '\n')
    read = {'picture': png(OUT / 'picture.png', False)}
    for kind in ('relative', 'metric'):
        pfm = cv2.imread(str(OUT / f'{kind}.depth.pfm'), cv2.IMREAD_UNCHANGED)
        npy = np.load(OUT / f'{kind}.depth.npy')
        assert pfm.dtype == npy.dtype == np.float32
        read[kind] = {
            'png16': png(OUT / f'{kind}.depth.png', True), 'color': png(OUT / f'{kind}.depth.color.png', False),
            'pfm': [float(v) for v in pfm.reshape(-1)], 'npy': [float(v) for v in npy.reshape(-1)],
            'shape': list(npy.shape), 'ply': cloud(OUT / f'{kind}.ply'), 'glb': mesh(OUT / f'{kind}.glb'),
        }
    (OUT / 'read.json').write_text(json.dumps(read) + '\n')


if __name__ == '__main__':
    main()
