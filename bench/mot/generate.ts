import { seededNormal, seededRandom } from '../../src/core/index.ts';

export interface Scene {
  readonly name: string;
  readonly sequences: number;
  readonly frames: number;
  /** people in the picture at any time */
  readonly people: number;
  readonly width: number;
  readonly height: number;
}

/** Sizes of the public benchmarks: MOT17 train has about 21 boxes a frame, MOT20 train about 127. */
export const SCENES: readonly Scene[] = [
  { name: 'street (like MOT17)', sequences: 7, frames: 760, people: 21, width: 1920, height: 1080 },
  { name: 'crowd (like MOT20)', sequences: 4, frames: 750, people: 127, width: 1600, height: 900 },
];

/** Ground truth and result of one sequence in MOT text: a tracker that misses, drifts, invents and mixes up. */
export function generate(scene: Scene, seed: number): { gt: string; result: string } {
  const uniform = seededRandom(seed);
  const normal = seededNormal(seed + 1);
  let ids = 0;
  let tracks = 0;
  const person = () => {
    const height = 120 + 160 * uniform();
    return {
      id: ++ids,
      track: ++tracks,
      x: uniform() * scene.width,
      y: uniform() * (scene.height - height),
      vx: normal() * 2,
      vy: normal() * 0.5,
      width: 0.4 * height,
      height,
    };
  };
  const people = Array.from({ length: scene.people }, person);
  const gt: string[] = [];
  const result: string[] = [];
  for (let f = 1; f <= scene.frames; f++) {
    for (let k = 0; k < people.length; k++) {
      let p = people[k]!;
      p.x += p.vx;
      p.y += p.vy;
      if (p.x < -p.width || p.x > scene.width || uniform() < 0.002) p = people[k] = person();
      if (uniform() < 0.01) p.track = ++tracks;
      gt.push([f, p.id, p.x.toFixed(2), p.y.toFixed(2), p.width.toFixed(2), p.height.toFixed(2), 1, 1, 1].join(','));
      if (uniform() < 0.15) continue;
      const box = [p.x + 4 * normal(), p.y + 4 * normal(), p.width + 3 * normal(), p.height + 6 * normal()];
      result.push([f, p.track, ...box.map(v => v.toFixed(3)), uniform().toFixed(3), -1, -1, -1].join(','));
    }
    if (uniform() < 0.5)
      result.push([f, ++tracks, (uniform() * scene.width).toFixed(2), '100', '80', '200', '0.4', -1, -1, -1].join(','));
  }
  return { gt: `${gt.join('\n')}\n`, result: `${result.join('\n')}\n` };
}
