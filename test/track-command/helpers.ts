import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodePng } from '../../src/image/index.ts';
import { Detector } from '../../src/pipelines/index.ts';
import { type FakeOptions, fakeNetwork, scene } from '../detect/fake.ts';

export const WIDTH = 160;
export const HEIGHT = 120;

/** Two objects on grey: a red one goes down on the left, a green one comes up on the right. `[x, y, w, h]` */
export function objectsAt(frame: number): { red: number[]; green: number[] } {
  return { red: [20, 4 + 4 * frame, 30, 30], green: [100, 86 - 4 * frame, 30, 30] };
}

/** Writes the scene as `000001.png` and so on. */
export async function writeScene(folder: string, frames: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < frames; i++) {
    const { red, green } = objectsAt(i);
    const boxes = [red, green].map(([x, y, w, h], colour) => [colour, x, y, x + w, y + h]);
    const picture = scene(WIDTH, HEIGHT, boxes as [number, number, number, number, number][]);
    writeFileSync(join(folder, `${String(i + 1).padStart(6, '0')}.png`), await encodePng(picture));
  }
}

/** MOTChallenge detections of the scene. */
export function sceneDetections(frames: number): string {
  const rows: string[] = [];
  for (let i = 0; i < frames; i++)
    for (const [x, y, w, h] of Object.values(objectsAt(i))) rows.push(`${i + 1},-1,${x},${y},${w},${h},0.9,-1,-1,-1`);
  return `${rows.join('\n')}\n`;
}

/** The same as ground truth. */
export function sceneTruth(frames: number): string {
  const rows: string[] = [];
  for (let i = 0; i < frames; i++)
    for (const [k, [x, y, w, h]] of Object.values(objectsAt(i)).entries())
      rows.push(`${i + 1},${k + 1},${x},${y},${w},${h},1,-1,-1,-1`);
  return `${rows.join('\n')}\n`;
}

/** A detector that finds coloured rectangles, at the scene's own size. */
export function sceneDetector(options: FakeOptions = {}): Detector {
  return Detector.from(fakeNetwork({ ...options, input: { width: WIDTH, height: 128, ...options.input } }));
}
