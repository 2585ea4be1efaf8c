/** The block on depth: figures of each set beside the two baselines. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ValDepthOptions, validateDepth } from '../../src/pipelines/index.ts';
import { table } from './markdown.ts';

type SetOptions = Pick<ValDepthOptions, 'gt' | 'images' | 'pairs' | 'gtKind'>;

/**
 * Sets below a folder: SET/color with SET/depth (16-bit millimetres, 0 = none), paired by stem; and SET/SCENE/im2.png with
 * SET/SCENE/disp2.pgm (Middlebury 2003: disparity, 0 = none).
 */
export function depthSets(root: string, scratch: string): { name: string; options: SetOptions }[] {
  return readdirSync(root, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .toSorted()
    .flatMap(name => {
      const folder = join(root, name);
      const [images, gt] = [join(folder, 'color'), join(folder, 'depth')];
      if (existsSync(images) && existsSync(gt)) return [{ name, options: { gt, images } }];
      const scenes = readdirSync(folder).filter(scene => existsSync(join(folder, scene, 'disp2.pgm')));
      if (scenes.length === 0) return [];
      const pairs = join(scratch, `${name}.csv`);
      writeFileSync(pairs, `${scenes.map(scene => `${scene}/disp2.pgm,${scene}/im2.png`).join('\n')}\n`);
      return [{ name, options: { gt: folder, images: folder, pairs, gtKind: 'disparity' as const } }];
    });
}

/** AbsRel and delta1 of each set, and their means over the sets. */
export async function depthBlock(model: string, root: string, scratch: string, threads: number): Promise<string> {
  const sets = depthSets(root, scratch);
  if (sets.length === 0) throw new Error(`${root} has no folder with color/ and depth/, or with scenes of disp2.pgm`);
  const columns: [name: string, abs: Record<string, number>, delta: Record<string, number>][] = [];
  let kind = '';
  for (const { name, options } of sets) {
    const { run, baselines, ...report } = await validateDepth({ model, ...options, threads });
    kind = run.kind;
    const of = (key: 'abs_rel' | 'delta1') => ({
      model: report[key] ?? Number.NaN,
      gradient: baselines.gradient[key] ?? Number.NaN,
      constant: baselines.constant[key] ?? Number.NaN,
    });
    columns.push([`${name} (${report.images})`, of('abs_rel'), of('delta1')]);
  }
  const mean = (list: number[]) => list.reduce((sum, v) => sum + v, 0) / list.length;
  const row = (title: string, who: string) => [
    title,
    ...columns.map(([, abs, delta]) => `${abs[who]!.toFixed(3)} / ${delta[who]!.toFixed(3)}`),
    `${mean(columns.map(c => c[1][who]!)).toFixed(3)} / ${mean(columns.map(c => c[2][who]!)).toFixed(3)}`,
  ];
  const better = columns.filter(([, abs]) => abs.model! < abs.gradient!).map(([name]) => name);
  return [
    `\`pe-dense val --task depth\`, ${kind} depth, AbsRel (lower is better) / delta1 (higher is better)${kind === 'relative' ? ', scale and shift of inverse depth fitted per picture' : ''}; pictures in brackets:`,
    '',
    table([
      ['', ...columns.map(([name]) => name), 'mean of the sets'],
      row('constant', 'constant'),
      row('vertical gradient', 'gradient'),
      row('**this model**', 'model'),
    ]),
    '',
    better.length === 0
      ? 'By AbsRel the model is **no better than a vertical gradient** on any of these sets.'
      : `By AbsRel the model beats the vertical gradient on ${better.length} of ${columns.length} sets: ${better.join(', ')}.`,
  ].join('\n');
}
