import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globToRegExp } from '../../src/image/glob.ts';
import { listInputs, outputStems } from '../../src/image/index.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pe-dense-inputs-'));
  for (const folder of ['sub/deep', 'out', '.hidden', 'empty']) mkdirSync(join(root, folder), { recursive: true });
  for (const file of [
    'b.jpg',
    'a.PNG',
    'notes.txt',
    '._b.jpg',
    'sub/b.webp',
    'sub/deep/c.tif',
    'out/b.boxes.png',
    '.hidden/x.jpg',
  ])
    writeFileSync(join(root, file), 'x');
  symlinkSync(root, join(root, 'sub', 'circle'));
  writeFileSync(join(root, 'odd[1].jpg'), 'x');
});
afterAll(() => rmSync(root, { recursive: true }));
const relatives = async (inputs: string[], options = {}) =>
  (await listInputs(inputs, options)).files.map(file => file.relative);

describe('folders', () => {
  test('are walked in order; hidden entries, other files and circles left out', async () => {
    expect(await relatives([root])).toEqual([
      'a.PNG',
      'b.jpg',
      'odd[1].jpg',
      'out/b.boxes.png',
      'sub/b.webp',
      'sub/deep/c.tif',
    ]);
  });
  test('the output folder is not read', async () => {
    expect(await relatives([root], { except: join(root, 'out') })).not.toContain('out/b.boxes.png');
  });
  test('without pictures are reported', async () => {
    const { files, failures } = await listInputs([join(root, 'empty'), join(root, 'b.jpg')]);
    expect(files).toHaveLength(1);
    expect(failures[0]!.error.message).toMatch(/^no pictures in folder/);
  });
});

describe('globs', () => {
  test('*, **, ?, sets and alternatives', async () => {
    expect(await relatives([join(root, '*.jpg')])).toEqual(['b.jpg', 'odd[1].jpg']);
    expect(await relatives([join(root, '**/*.{webp,tif}')])).toEqual(['sub/b.webp', 'sub/deep/c.tif']);
    expect(await relatives([join(root, 's?b/b.*')])).toEqual(['sub/b.webp']);
    expect(await relatives([join(root, '[a-b].*')])).toEqual(['a.PNG', 'b.jpg']);
  });
  test('a file whose name has magic is the file', async () => {
    expect(await relatives([join(root, 'odd[1].jpg')])).toEqual(['odd[1].jpg']);
  });
  test('without a match are reported', async () => {
    expect((await listInputs([join(root, '*.bmp')])).failures[0]!.error.message).toMatch(/^nothing matches/);
  });
  test('as regular expressions', () => {
    const matches = (glob: string, path: string) => globToRegExp(glob).test(path);
    expect(matches('./a/*.jpg', 'a/b.jpg')).toBe(true);
    expect(matches('a/*.jpg', 'a/b/c.jpg')).toBe(false);
    expect(matches('a/**/c.jpg', 'a/c.jpg')).toBe(true);
    expect(matches('a/**/c.jpg', 'a/b/b/c.jpg')).toBe(true);
    expect(matches('a.jpg', 'aXjpg')).toBe(false);
    expect(matches('[!a]+.jpg', 'b+.jpg')).toBe(true);
    expect(matches('\\*.jpg', '*.jpg')).toBe(true);
  });
});

test('a file given twice is listed once; a missing one is listed for the reader to report; - is standard input', async () => {
  const { files } = await listInputs([join(root, 'b.jpg'), `${root}/./b.jpg`, join(root, 'none.jpg'), '-']);
  expect(files.map(f => f.relative)).toEqual(['stdin', 'b.jpg', 'none.jpg']);
});

test('output names drop the extension unless two would meet', () => {
  const stems = (...names: string[]) => outputStems(names.map(relative => ({ path: relative, relative })));
  expect(stems('a.jpg', 'b.jpg', 'sub/a.jpg')).toEqual(['a', 'b', 'sub/a']);
  expect(stems('a.jpg', 'a.png', 'b.x.jpg')).toEqual(['a.jpg', 'a.png', 'b.x']);
  expect(stems('.jpg', 'x')).toEqual(['.jpg', 'x']);
  const two = [
    { path: 'one/a.jpg', relative: 'a.jpg' },
    { path: 'two/a.jpg', relative: 'a.jpg' },
  ];
  expect(outputStems(two)).toEqual(['a.jpg', 'a.jpg.2']);
});
