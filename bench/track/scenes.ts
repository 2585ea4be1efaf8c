import { type Detections, detections, seededNormal, seededRandom } from '../../src/core/index.ts';

/**
 * A steady crowd: objects of 20 to 40 by 40 to 90 pixels walk over a picture of 1920 x 1080 and bounce off its edges.
 * In each frame 4 % are missed, 10 % are seen weakly, 1 % are replaced by new ones, and every fiftieth detection is a
 * false alarm. At 1,000 objects the picture is more than half full, so boxes overlap a lot.
 */
export function crowd(objects: number, frames: number, seed: number): Detections[] {
  const random = seededRandom(seed);
  const normal = seededNormal(seed + 1);
  const [width, height] = [1920, 1080];
  const make = () => ({
    x: random() * width,
    y: random() * height,
    vx: 3 * normal(),
    vy: 3 * normal(),
    w: 20 + 20 * random(),
    h: 40 + 50 * random(),
  });
  const all = Array.from({ length: objects }, make);
  return Array.from({ length: frames }, () => {
    const boxes: number[] = [];
    const scores: number[] = [];
    const see = (x: number, y: number, w: number, h: number, score: number) => {
      boxes.push(x - w / 2, y - h / 2, x + w / 2, y + h / 2);
      scores.push(score);
    };
    all.forEach((o, i) => {
      if (random() < 0.01) all[i] = make();
      o.x += o.vx;
      o.y += o.vy;
      if (o.x < 0 || o.x > width) o.vx = -o.vx;
      if (o.y < 0 || o.y > height) o.vy = -o.vy;
      if (random() < 0.04) return;
      const score = random() < 0.1 ? 0.15 + 0.4 * random() : 0.65 + 0.33 * random();
      see(o.x + 0.5 * normal(), o.y + 0.5 * normal(), o.w * (1 + 0.02 * normal()), o.h * (1 + 0.02 * normal()), score);
      if (random() < 0.02) see(random() * width, random() * height, 30, 60, 0.1 + 0.8 * random());
    });
    return detections(Float32Array.from(boxes), Float32Array.from(scores), new Int32Array(scores.length));
  });
}
