"""Times TrackEval's HOTA, CLEAR and Identity over a folder of sequences: original.py TRACKEVAL GT PRED prints JSON.

Times are processor seconds. `metrics` is the time inside the three eval_sequence calls alone; `total` adds reading, IoU and preprocessing.
"""
import json
import os
import resource
import sys
import time

import numpy as np

for name, kind in {'float': float, 'int': int}.items():  # names numpy has removed
    if not hasattr(np, name):
        setattr(np, name, kind)
sys.path.insert(0, sys.argv[1])
real, sys.stdout = sys.stdout, open(os.devnull, 'w')
import trackeval  # noqa: E402

gt, pred = sys.argv[2:4]
lengths = {}
for seq in sorted(os.listdir(gt)):
    with open(os.path.join(gt, seq, 'gt', 'gt.txt')) as lines:
        lengths[seq] = max(int(line.split(',', 1)[0]) for line in lines)
dataset = trackeval.datasets.MotChallenge2DBox({
    'GT_FOLDER': gt, 'TRACKERS_FOLDER': os.path.dirname(pred), 'SKIP_SPLIT_FOL': True, 'BENCHMARK': 'MOT17',
    'SEQ_INFO': lengths, 'TRACKERS_TO_EVAL': [os.path.basename(pred)], 'TRACKER_SUB_FOLDER': '', 'PRINT_CONFIG': False})
metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR({'PRINT_CONFIG': False}),
           trackeval.metrics.Identity({'PRINT_CONFIG': False})]
spent = 0.0
results = [{}, {}, {}]
started = time.process_time()
for seq in lengths:
    data = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data(os.path.basename(pred), seq), 'pedestrian')
    ready = time.process_time()
    for metric, result in zip(metrics, results):
        result[seq] = metric.eval_sequence(data)
    spent += time.process_time() - ready
total = time.process_time() - started
hota, clear, identity = [m.combine_sequences(r) for m, r in zip(metrics, results)]
sys.stdout = real
print(json.dumps({'metrics': spent, 'total': total, 'rssMb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                  'figures': {'HOTA': float(np.mean(hota['HOTA'])), 'MOTA': float(clear['MOTA']), 'IDF1': float(identity['IDF1'])}}))
