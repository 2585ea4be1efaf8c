import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatYoloLabels, lossesOf, parseCsv, parseDarknetData, parseXml } from '../../src/data/index.ts';
import { checkData, convertDataset, openDataset, writeDataset } from '../../src/pipelines/data/index.ts';

const GOLDEN = fileURLToPath(new URL('../golden/datasets/', import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-safety-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const picture = (file: string, split?: string) => ({
  ...{ file, width: 8, height: 8, objects: [] },
  ...(split !== undefined && { split }),
});
const dataset = (...pictures: ReturnType<typeof picture>[]) => ({ categories: [{ name: 'a' }], pictures });

describe('what is read is never harmed', () => {
  test.each(['link', 'copy'] as const)('%s into the tree the pictures already lie in', async pictures => {
    cpSync(join(GOLDEN, 'images'), join(root, 'images/train'), { recursive: true });
    cpSync(join(GOLDEN, 'coco.json'), join(root, 'instances.json'));
    const source = { annotations: join(root, 'instances.json'), images: join(root, 'images/train') };
    await convertDataset({ sources: [source], format: 'yolo', out: root, pictures, lossy: true });
    const place = join(root, 'images/train/1.png');
    expect(lstatSync(place).isFile()).toBe(true);
    expect(readFileSync(place)).toEqual(readFileSync(join(GOLDEN, 'images/1.png')));
    expect((await openDataset(root)).pictures).toHaveLength(6);
  });
  test('a copy does not write through a link that is there', async () => {
    cpSync(join(GOLDEN, 'images'), join(root, 'photos'), { recursive: true });
    const source = { annotations: join(GOLDEN, 'coco.json'), images: join(root, 'photos') };
    const out = join(root, 'o');
    await convertDataset({ sources: [source], format: 'voc', out, pictures: 'link', lossy: true });
    for (const name of ['Annotations', 'ImageSets']) rmSync(join(out, name), { recursive: true, force: true });
    cpSync(join(GOLDEN, 'images'), join(root, 'others'), { recursive: true });
    writeFileSync(join(root, 'others/1.png'), readFileSync(join(GOLDEN, 'images/2.png')));
    const others = { annotations: join(GOLDEN, 'coco.json'), images: join(root, 'others') };
    await convertDataset({ sources: [others], format: 'voc', out, pictures: 'copy', lossy: true });
    expect(readFileSync(join(root, 'photos/1.png'))).toEqual(readFileSync(join(GOLDEN, 'images/1.png')));
    expect(readFileSync(join(out, 'JPEGImages/1.png'))).toEqual(readFileSync(join(GOLDEN, 'images/2.png')));
  });
  test('a folder in which a file of the output is the input', async () => {
    const before = readFileSync(join(GOLDEN, 'coco.json'), 'utf8');
    writeFileSync(join(root, 'instances.json'), before);
    const sources = [{ annotations: join(root, 'instances.json') }];
    await expect(convertDataset({ sources, format: 'coco', out: root })).rejects.toThrow('it is what is read');
    expect(readFileSync(join(root, 'instances.json'), 'utf8')).toBe(before);
  });
});

describe('names that come from files', () => {
  test.each(['coco', 'voc'] as const)('%s: a split does not lead out of the folder', async format => {
    const data = dataset(picture('a.png', 'x/../../../escaped'), picture('b.png', 'train'));
    const written = writeDataset(data, { format, out: join(root, 'in/here') });
    await expect(written).rejects.toThrow('"x/../../../escaped"');
    expect(existsSync(join(root, 'in'))).toBe(false);
  });
  test('yolo: pictures without a split join those of train, and must not meet', async () => {
    const data = dataset(picture('a.png'), picture('a.png', 'train'));
    await expect(writeDataset(data, { format: 'yolo', out: join(root, 'o') })).rejects.toThrow('a.png');
  });
  test('yolo: only the folder of the split is taken off a listed name', async () => {
    mkdirSync(join(root, 'images/strain'), { recursive: true });
    cpSync(join(GOLDEN, 'images/1.png'), join(root, 'images/strain/1.png'));
    writeFileSync(join(root, 'train.txt'), './images/strain/1.png\n');
    writeFileSync(join(root, 'data.yaml'), 'train: train.txt\nnames: [a]\n');
    expect((await openDataset(root)).pictures.map(p => p.file)).toEqual(['strain/1.png']);
  });
  test.each(['csv', 'voc'] as const)('%s: a class of two lines is refused', async format => {
    const data = { ...dataset(picture('a.png')), categories: [{ name: 'a\nb' }] };
    const out = join(root, format === 'csv' ? 'o.csv' : 'o');
    await expect(writeDataset(data, { format, out })).rejects.toThrow('the class "a\\nb"');
    expect(existsSync(out)).toBe(false);
  });
  test('csv: classes that hold a comma each come back', async () => {
    const objects = [{ x1: 1, y1: 1, x2: 3, y2: 3, category: 1 }];
    const categories = [{ name: 'dog, big' }, { name: 'dog, small' }];
    await writeDataset(
      { categories, pictures: [{ ...picture('a.png'), objects }] },
      { format: 'csv', out: join(root, 'o.csv') },
    );
    const opened = await openDataset(join(root, 'o.csv'));
    expect(opened.categories).toEqual(categories);
    expect(opened.pictures.map(p => p.objects)).toEqual([objects]);
  });
  test.each(['.png', 'a.png/', 'x/.hidden/a.png', '.'])('voc and yolo: %s would not be read again', async file => {
    for (const format of ['voc', 'yolo'] as const)
      await expect(writeDataset(dataset(picture(file)), { format, out: join(root, 'o') })).rejects.toThrow('is hidden');
  });
  test('words that every object in JavaScript knows are words like others', () => {
    expect(parseXml('<a>&constructor;</a>', 'a.xml').text).toBe('&constructor;');
    expect([...parseDarknetData('toString = x\ntrain = t.txt').splits.keys()]).toEqual(['train']);
  });
});

test('yolo: a ring of two points is no polygon; as one it would read as a box of centre and size', () => {
  const object = { x1: 1, y1: 2, x2: 5, y2: 6, category: 0, segmentation: [[1, 2, 5, 6]] };
  const one = { ...picture('a.png'), objects: [object] };
  expect(formatYoloLabels(one, true).trim().split(' ')).toHaveLength(9);
  expect(lossesOf({ ...dataset(), pictures: [one] }, 'yolo', { masks: true })).toHaveLength(1);
});

describe('CSV', () => {
  const same = (text: string, rows: string[][]) => expect(parseCsv(text)).toEqual(rows);
  // what python -c 'import csv, sys; print(list(csv.reader(sys.stdin)))' prints, but an empty line is a row of one empty cell
  test('is read as Python reads it', () => {
    same('', []);
    same('a,b\n', [['a', 'b']]);
    same('a,\r\n,b', [
      ['a', ''],
      ['', 'b'],
    ]);
    same('"a,1","b\n2","c""3"\n\nx', [['a,1', 'b\n2', 'c"3'], [''], ['x']]);
    same('"a"b,c"d"\n', [['ab', 'c"d"']]);
    same('a,"b\nc,d\n', [['a', 'b\nc,d\n']]);
    same('""\n"",', [[''], ['', '']]);
  });
  test('takes time with the length of the text, quotes or not', () => {
    const begun = performance.now();
    parseCsv(`${'"'.repeat(400_000)}x`);
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

test('VOC: the list of a class, with flags, gives the pictures that show it; names may end in a number', async () => {
  cpSync(join(GOLDEN, 'voc'), join(root, 'Annotations'), { recursive: true });
  cpSync(join(GOLDEN, 'images'), join(root, 'JPEGImages'), { recursive: true });
  cpSync(join(root, 'Annotations/1.xml'), join(root, 'Annotations/old 1.xml'));
  mkdirSync(join(root, 'ImageSets/Main'), { recursive: true });
  writeFileSync(join(root, 'ImageSets/Main/cat_train.txt'), '1 -1\n2  1\n3  0\n4 -1\nold 1\n');
  const notes: string[] = [];
  const source = { annotations: root, split: 'cat_train', onWarning: (text: string) => void notes.push(text) };
  const { pictures } = await openDataset(source);
  expect(pictures.length).toBe(3);
  expect(pictures.every(p => p.split === 'cat_train')).toBe(true);
  expect(notes[0]).toBe('2 pictures of cat_train.txt do not show its class (flag -1): left out');
});

test('VOC: a picture that two lists name is a leak; it keeps its first split', async () => {
  cpSync(join(GOLDEN, 'voc'), join(root, 'Annotations'), { recursive: true });
  cpSync(join(GOLDEN, 'images'), join(root, 'JPEGImages'), { recursive: true });
  mkdirSync(join(root, 'ImageSets/Main'), { recursive: true });
  writeFileSync(join(root, 'ImageSets/Main/train.txt'), '1\n2\n3\n');
  writeFileSync(join(root, 'ImageSets/Main/val.txt'), '3\n4\n');
  await expect(openDataset(root)).rejects.toThrow('names 3, which train.txt names too');
  const { findings, splits } = await checkData({ sources: [{ annotations: root }], pictures: false });
  expect(findings.filter(f => f.kind === 'leak').map(f => f.severity)).toEqual(['error']);
  expect(splits).toEqual({ train: 3, val: 1 });
});
