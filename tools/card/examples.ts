/** The block of drawn example pictures: every one of them, right or wrong. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadGroundTruth, loadResults, RESULT_KINDS, tide } from '../../src/evaluate/index.ts';
import { decodeImage, encodeJpeg, resizeImage } from '../../src/image/index.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { drawDetections } from '../../src/render/index.ts';

const LONGEST = 420; // pixels
const RIGHT = [30, 160, 90] as const;
const WRONG = [205, 45, 40] as const;
const NEITHER = [120, 130, 140] as const;
const MISSED = [245, 205, 50] as const;

/** Boxes on what is marked as a crowd count neither way. */
const isWrong = (kind: number) => !['correct', 'ignored', 'left out'].includes(RESULT_KINDS[kind]!);
const isRight = (kind: number) => RESULT_KINDS[kind] === 'correct';

/**
 * Draws boxes as `detect` gives them (green right, red wrong, grey on a crowd) over the objects that no box fits (yellow).
 */
export async function examplesBlock(
  model: string,
  folder: string,
  gt: string,
  out: { readonly folder: string; readonly name: string },
): Promise<string> {
  const detector = await Detector.load(model, { threads: 1 });
  const truth = loadGroundTruth(JSON.parse(readFileSync(gt, 'utf8')));
  const { labels } = detector;
  const found = [];
  const rows: object[] = [];
  for (const [i, name] of truth.images.fileNames.entries()) {
    const result = await detector.detect(join(folder, name));
    found.push(result);
    for (const row of result.toCoco(Number(truth.images.ids[i]))) rows.push(row);
  }
  await detector.close();
  const results = loadResults(rows as never, truth);
  const report = tide(truth, results);
  const cells: string[] = [];
  let at = 0;
  for (const [i, name] of truth.images.fileNames.entries()) {
    const result = found[i]!;
    const { boxes, scores, classes } = result;
    const kinds = report.kinds.subarray(at, at + scores.length);
    const partners = report.partner.subarray(at, at + scores.length);
    at += scores.length;
    const fitted = new Set([...partners].filter((_, k) => isRight(kinds[k]!)));
    const { annotations } = truth;
    const missed: number[] = [];
    for (let k = 0; k < annotations.length; k++)
      if (annotations.image[k] === i && !annotations.crowd[k] && !fitted.has(k)) missed.push(k);
    const image = await decodeImage(join(folder, name));
    const scale = Math.min(1, LONGEST / Math.max(...image.shape.slice(0, 2)));
    const [height, width] = image.shape.slice(0, 2).map(side => Math.round(side * scale)) as [number, number];
    const corners = missed.flatMap(k => {
      const [x, y, w, h] = annotations.box.subarray(4 * k, 4 * k + 4);
      return [x!, y!, x! + w!, y! + h!];
    });
    const small = resizeImage(image, height, width, { antialias: true });
    const lacking = {
      length: missed.length,
      boxes: Float32Array.from(corners, v => v * scale),
      scores: new Float32Array(missed.length).fill(1),
      classes: new Int32Array(missed.length),
    };
    const under = drawDetections(small, lacking, {
      names: labels,
      hideLabels: true,
      lineWidth: 1.5,
      color: () => MISSED,
    });
    const drawn = drawDetections(
      under,
      { length: scores.length, boxes: boxes.map(v => v * scale), scores, classes },
      { names: labels, color: k => (isWrong(kinds[k]!) ? WRONG : isRight(kinds[k]!) ? RIGHT : NEITHER) },
    );
    const file = `${out.name}-${name.replace(/\.[^.]+$/, '')}.jpg`;
    await writeFile(join(out.folder, file), await encodeJpeg(drawn, { quality: 72 }));
    const right = fitted.size;
    const wrong = kinds.filter(isWrong).length;
    const text = `${right} of ${right + missed.length} objects found, ${wrong} wrong ${wrong === 1 ? 'box' : 'boxes'}`;
    cells.push(`![${name}: ${text}](${file})<br>${text}`);
  }
  const pairs = cells.flatMap((cell, i) => (i % 2 === 0 ? [`| ${cell} | ${cells[i + 1] ?? ''} |`] : []));
  return ['|  |  |', '|---|---|', ...pairs].join('\n');
}
