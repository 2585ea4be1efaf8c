"""Small Perception Encoder networks with inputs and outputs of the official code, cut down for the repository.

The originals (seeded random weights, saved by torch as Meta saves them; inputs and outputs computed by the official
VisionTransformer of facebookresearch/perception_models @ 3e352cc, torch 2.15.0, float32, CPU) are made outside this
repository, because the official package is needed. This script only chooses and drops: the text tower of Core goes, and
outputs that repeat another (features = the last block's; features_norm where there is no ln_post).

Run:    python tools/golden/pe.py FOLDER_OF_ORIGINALS
Needs:  torch, safetensors (versions in requirements.txt)
Writes: test/golden/pe/NAME/{config.json, io.safetensors, weights.pt and/or weights.safetensors}
"""
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

SOURCE = Path(sys.argv[1])
OUT = Path(__file__).resolve().parents[2] / 'test/golden/pe'
# which weight files each case keeps: together both formats, byte for byte as torch and safetensors wrote them
KEEP = {
    'spatial-tiny': ['weights.pt', 'weights.safetensors'],
    'spatial-giant-like': ['weights.pt'],
    'lang-tiny': ['weights.safetensors'],
    'core-tiny': [],
}
for name, files in KEEP.items():
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copyfile(SOURCE / name / file, folder / file)
        (folder / file).chmod(0o644)
    config = json.loads((SOURCE / name / 'config.json').read_text())
    (folder / 'config.json').write_text(json.dumps({'vision': config['vision'], 'source': config['source']}, indent=1) + '\n')
    io = load_file(SOURCE / name / 'io.safetensors')
    norm = config['vision'].get('use_ln_post', True)
    io = {k: v for k, v in io.items() if 'x' in k.split('.')[0] and not k.endswith('.features') and (norm or not k.endswith('.features_norm'))}
    save_file(io, folder / 'io.safetensors')
    if not files:  # Core: the vision tower alone, keys as Meta saves them (`visual.`)
        state = torch.load(SOURCE / name / 'weights.pt', weights_only=True)
        torch.save({k: v for k, v in state.items() if k.startswith('visual.')}, folder / 'weights.pt')
