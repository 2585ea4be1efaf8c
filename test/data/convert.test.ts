import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { convertCommand } from '../../src/cli/commands/convert.ts';
import { rgbImage } from '../../src/core/index.ts';
import { encodePng } from '../../src/image/index.ts';
import { type DatasetSource, openDataset, writeDataset } from '../../src/pipelines/data/index.ts';
import { runCli } from '../cli/harness.ts';

const GOLDEN = fileURLToPath(new URL('../golden/datasets/', import.meta.url));
const expected = JSON.parse(readFileSync(join(GOLDEN, 'expected.json'), 'utf8')) as {
  names: string[];
  sizes: Record<string, [number, number]>;
  boxes: Record<string, [number, number, number, number, number][]>;
};
const golden = (name: string) => join(GOLDEN, name);
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-data-'));
});
afterEach(() => rmSync(root, { recursive: true }));

async function run(...args: string[]) {
  const out = await runCli(['convert', ...args], [{ group: 'Data:', make: convertCommand }]);
  return { ...out, stderr: out.stderr.replaceAll(root, 'ROOT'), stdout: out.stdout.replaceAll(root, 'ROOT') };
}

/** Boxes by picture, `[class name, x1, y1, x2, y2]`. */
async function boxesOf(source: DatasetSource | string) {
  const { pictures, categories } = await openDataset(source);
  const rows = pictures.map(p => {
    expect([p.width, p.height]).toEqual(expected.sizes[p.file.replace(/^.*\//, '')]);
    return [p.file, p.objects.map(o => [categories[o.category]!.name, o.x1, o.y1, o.x2, o.y2])] as const;
  });
  return Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
const wanted = (digits: number, keep: (n: number) => boolean = () => true) =>
  Object.fromEntries(
    Object.entries(expected.boxes)
      .filter(([, rows]) => keep(rows.length))
      .map(([file, rows]) => [
        file,
        rows.map(([c, ...box]) => [expected.names[c], ...box.map(v => expect.closeTo(v, digits))]),
      ]),
  );

describe('files of other tools (tools/golden/datasets.py)', () => {
  const images = golden('images');
  test('COCO of supervision', async () => expect(await boxesOf(golden('coco.json'))).toEqual(wanted(9)));
  test('YOLO of supervision: data.yaml without splits, labels of five digits', async () => {
    const labels = { annotations: golden('labels'), images, names: join(root, 'names.txt') };
    writeFileSync(labels.names, expected.names.join('\n'));
    expect(await boxesOf(labels)).toEqual(wanted(2));
  });
  test('VOC of supervision, counted from 1', async () =>
    expect(await boxesOf({ annotations: golden('voc'), images })).toEqual(wanted(9)));
  test("CSV in TensorFlow's columns", async () =>
    expect(await boxesOf(golden('tensorflow.csv'))).toEqual(wanted(9, n => n > 0)));
  test('Open Images', async () => {
    const source = { annotations: golden('openimages.csv'), images, names: golden('class-descriptions.csv') };
    expect(await boxesOf(source)).toEqual(wanted(6, n => n > 0));
    expect((await openDataset(source)).categories.map(c => c.name)).toEqual(expected.names);
  });
});

describe('convert', () => {
  const all = ['coco', 'yolo', 'voc', 'csv'] as const;
  const out = (format: string) => join(root, format === 'coco' ? 'o.json' : format === 'csv' ? 'o.csv' : `o-${format}`);
  const pairs = all.flatMap(from => all.map(to => [from, to] as const));
  test.each(pairs)('%s to %s: the same boxes, empty pictures and unused classes', async (from, to) => {
    const start = join(root, `start-${from}${from === 'coco' ? '.json' : from === 'csv' ? '.csv' : ''}`);
    const pictures = (format: string) => (format === 'yolo' || format === 'voc' ? ['--pictures', 'copy'] : []);
    const images = ['--images', golden('images')];
    const first = await run(
      '--to',
      from,
      '--annotations',
      golden('coco.json'),
      ...images,
      '--out',
      start,
      ...pictures(from),
    );
    expect([first.code, first.stdout]).toEqual([
      0,
      expect.stringMatching(/^6 pictures, 8 objects, 4 classes; written to/),
    ]);
    const own = from === 'yolo' || from === 'voc' ? [] : images;
    const { code, stderr } = await run('--to', to, '--annotations', start, ...own, '--out', out(to), ...pictures(to));
    expect(code, stderr).toBe(0);
    const end = to === 'coco' || to === 'csv' ? { images: golden('images') } : {};
    expect(await boxesOf({ annotations: out(to), ...end })).toEqual(wanted(4));
    expect((await openDataset({ annotations: out(to), ...end })).categories.map(c => c.name)).toEqual(expected.names);
  });
  test('what is lost is named and refused; --lossy names it and goes on', async () => {
    const value = JSON.parse(readFileSync(golden('coco.json'), 'utf8'));
    value.annotations[0].iscrowd = 1;
    for (const a of value.annotations) delete a.segmentation;
    writeFileSync(join(root, 'a.json'), JSON.stringify(value));
    const args = ['--to', 'yolo', '--annotations', join(root, 'a.json'), '--out', out('yolo')];
    expect(await run(...args)).toMatchInlineSnapshot(`
      {
        "code": 2,
        "stderr": "error: yolo cannot hold all of it
        why: 1 crowd region is left out
        fix: pass --lossy to accept that
      ",
        "stdout": "",
      }
    `);
    expect(existsSync(out('yolo'))).toBe(false);
    const { code, stderr } = await run(...args, '--lossy', '--quiet');
    expect([code, stderr.split('\n')[0]]).toEqual([0, 'note: 1 crowd region is left out']);
  });
  test('train and val joined into one YOLO tree, read back by split, with pictures of one name in both', async () => {
    for (const split of ['train', 'val']) cpSync(golden('coco.json'), join(root, `${split}.json`));
    const sources = [`train=${join(root, 'train.json')}`, `val=${join(root, 'val.json')}`];
    const args = ['--annotations', ...sources, '--images', golden('images'), '--to', 'yolo', '--pictures', 'link'];
    expect((await run(...args, '--out', out('yolo'))).code).toBe(0);
    expect(readFileSync(join(out('yolo'), 'data.yaml'), 'utf8')).toBe(
      'train: images/train\nval: images/val\nnc: 4\nnames:\n  0: cat\n  1: traffic light\n  2: café\n  3: unused\n',
    );
    expect((await openDataset(out('yolo'))).pictures.map(p => p.split)).toEqual([
      ...Array(6).fill('train'),
      ...Array(6).fill('val'),
    ]);
    expect(await boxesOf({ annotations: out('yolo'), split: 'val' })).toEqual(wanted(4));
    const folder = await run('--annotations', out('yolo'), '--to', 'coco', '--out', join(root, 'c'));
    expect(folder.stdout).toMatch(/instances_train.json, ROOT\/c\/instances_val.json/);
    const one = await run('--annotations', out('yolo'), '--to', 'coco', '--out', join(root, 'c.json'));
    expect([one.code, one.stderr]).toEqual([2, expect.stringContaining('2 splits are mixed')]);
    const voc = await run('--annotations', out('yolo'), '--to', 'voc', '--out', out('voc'));
    expect([voc.code, voc.stderr]).toEqual([2, expect.stringContaining('convert one split at a time')]);
  });
  test('a picture that is missing is found before anything is written; the next run goes through', async () => {
    const images = join(root, 'images');
    cpSync(golden('images'), images, { recursive: true });
    const dataset = await openDataset({ annotations: golden('coco.json'), images });
    const last = dataset.pictures.at(-1)!.path!;
    for (const to of ['yolo', 'voc'] as const) {
      rmSync(last);
      const options = { format: to, out: out(to), pictures: 'copy', lossy: true } as const;
      await expect(writeDataset(dataset, options)).rejects.toMatchObject({
        code: 'BAD_INPUT',
        detail: { what: `the picture ${last} is not there` },
      });
      expect(existsSync(out(to))).toBe(false);
      cpSync(last.replace(images, golden('images')), last);
      await writeDataset(dataset, options);
      expect((await openDataset(out(to))).pictures.every(p => existsSync(p.path!))).toBe(true);
    }
  });
  test('folders, blanks and other letters in names; names that would meet are refused', async () => {
    const images = join(root, 'pictures');
    const files = ['straße/zug 1.png', 'straße/zug 2.png', 'b/ü.v2.png'];
    for (const file of files) {
      mkdirSync(join(images, file, '..'), { recursive: true });
      writeFileSync(join(images, file), await encodePng(rgbImage(20, 30, new Uint8Array(1800))));
    }
    const write = (names: string[]) =>
      writeFileSync(
        join(root, 'n.csv'),
        `filename,class,xmin,ymin,xmax,ymax\n${names.map(n => `"${n}",a,1,2,9,8\n`).join('')}`,
      );
    write(files);
    for (const to of ['yolo', 'voc'] as const) {
      const args = ['--annotations', join(root, 'n.csv'), '--images', images, '--to', to, '--out', out(to)];
      expect((await run(...args, '--pictures', 'copy')).code).toBe(0);
      const { pictures } = await openDataset(out(to));
      expect(pictures.map(p => p.file).sort()).toEqual(files.toSorted());
      expect(pictures.every(p => p.objects.length === 1 && p.width === 30 && existsSync(p.path!))).toBe(true);
      expect((await run(...args)).stderr).toContain('holds a data set');
    }
    const refused = async (names: string[], to: string) => {
      write(names);
      return (await run('--annotations', join(root, 'n.csv'), '--to', to, '--out', join(root, 'x'))).stderr.split(
        '\n',
      )[0];
    };
    expect(await refused(['a.png', 'a.jpg'], 'voc')).toBe('error: a.png and a.jpg share a name');
    expect(await refused(['../a.png'], 'voc')).toBe('error: the picture "../a.png" lies outside its folder');
    expect(await refused(['a.png'], 'yolo')).toBe('error: the size of a.png is not known');
  });
  test("Roboflow's tree, Darknet's .data, moved sets", async () => {
    cpSync(golden('images'), join(root, 'train/images'), { recursive: true });
    cpSync(golden('labels'), join(root, 'train/labels'), { recursive: true });
    const names = `names: ${JSON.stringify(expected.names)}\n`;
    writeFileSync(join(root, 'data.yaml'), `path: /nowhere/at/all\ntrain: ../train/images\n${names}`);
    expect(await boxesOf(root)).toEqual(wanted(2));
    writeFileSync(join(root, 'obj.names'), expected.names.join('\n'));
    writeFileSync(
      join(root, 'train.txt'),
      Object.keys(expected.sizes)
        .map(f => `train/images/${f}\n`)
        .join(''),
    );
    writeFileSync(join(root, 'obj.data'), 'classes= 4\ntrain  = train.txt\nnames = data/obj.names\n');
    expect(await boxesOf(join(root, 'obj.data'))).toEqual(wanted(2));
  });
  test('bad usage', async () => {
    const line = async (...args: string[]) => {
      const { code, stderr } = await run(...args);
      return [code, stderr.split('\n')[0]];
    };
    const coco = golden('coco.json');
    expect(await line('--annotations', 'none.json', '--to', 'csv', '--out', 'x.csv')).toEqual([
      2,
      'error: cannot read none.json',
    ]);
    expect(await line('--annotations', coco, '--to', 'xml', '--out', 'x')).toEqual([2, 'error: --to got "xml"']);
    expect(await line('--annotations', coco, '--to', 'coco', '--out', coco)).toEqual([2, `error: --out ${coco}`]);
    expect(await line('--annotations', coco, '--images', 'a', 'b', '--to', 'csv', '--out', 'x')).toEqual([
      2,
      'error: 2 folders with --images for 1 annotations',
    ]);
    writeFileSync(join(root, 'd.yaml'), 'train: images\nnames: [a]\n');
    expect(await line('--annotations', join(root, 'd.yaml'), '--to', 'csv', '--out', 'x')).toEqual([
      2,
      'error: ROOT/d.yaml leads to no pictures',
    ]);
  });
});
