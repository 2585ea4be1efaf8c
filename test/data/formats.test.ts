import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LABEL_SETS } from '../../src/core/index.ts';
import {
  CategoryTable,
  checkBoxes,
  classBalance,
  type DataObject,
  type Dataset,
  datasetFromCoco,
  datasetToCoco,
  formatCsv,
  formatDataYaml,
  formatVoc,
  formatYoloLabels,
  lossesOf,
  mergeDatasets,
  nearPairs,
  parseCsvTable,
  parseDataYaml,
  parseVoc,
  parseXml,
  parseYoloLabels,
  pooledFeatures,
  type ReadProblem,
  strictly,
  takeSplit,
  yoloLabelPaths,
} from '../../src/data/index.ts';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .map(s => s.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '').trim())
  .filter(s => s !== '');
const coordinate = fc.double({ min: -20, max: 900, noNaN: true }).map(v => Number(v.toFixed(2)));
const side = fc.double({ min: 0.01, max: 400, noNaN: true }).map(v => Number(v.toFixed(2)));
const object = fc
  .record({ x1: coordinate, y1: coordinate, w: side, h: side, category: fc.nat(3), flags: fc.nat(15) })
  .map(({ x1, y1, w, h, category, flags }): DataObject => {
    const marks = { crowd: flags & 1, difficult: flags & 2, truncated: flags & 4, occluded: flags & 8 };
    const set = Object.fromEntries(Object.entries(marks).flatMap(([key, on]) => (on ? [[key, true]] : [])));
    return { x1, y1, x2: x1 + w, y2: y1 + h, category, ...set };
  });
const dataset: fc.Arbitrary<Dataset> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 4, maxLength: 4 }),
    pictures: fc.uniqueArray(
      fc.record({
        file: name.map(s => `${s.replaceAll('\\', '/').replace(/^[./]+/, '_')}.jpg`),
        width: fc.integer({ min: 1, max: 5000 }),
        height: fc.integer({ min: 1, max: 5000 }),
        objects: fc.array(object, { maxLength: 4 }),
      }),
      { selector: p => p.file, maxLength: 4 },
    ),
  })
  .map(({ names, pictures }) => ({ categories: names.map(n => ({ name: n })), pictures }));
const near = (objects: readonly DataObject[], digits: number) =>
  objects.map(o => ({ ...o, ...Object.fromEntries(BOX.map(k => [k, expect.closeTo(o[k], digits)])) }));
const BOX = ['x1', 'y1', 'x2', 'y2'] as const;

describe('round trips', () => {
  test('COCO keeps everything, boxes to 1e-6', () => {
    fc.assert(
      fc.property(dataset, data => {
        const back = datasetFromCoco(JSON.parse(JSON.stringify(datasetToCoco(data))), 'x.json', strictly);
        expect(back.categories.map(c => c.name)).toEqual(data.categories.map(c => c.name));
        expect(back.pictures.map(p => [p.file, p.width, p.height])).toEqual(
          data.pictures.map(p => [p.file, p.width, p.height]),
        );
        back.pictures.forEach((p, i) => {
          const plain = p.objects.map(({ id: _, area: __, ...o }) => o);
          expect(plain).toEqual(near(data.pictures[i]!.objects, 5));
        });
      }),
    );
  });
  test('CSV keeps everything, whatever is in the names', () => {
    fc.assert(
      fc.property(dataset, data => {
        const names = data.categories.map(c => c.name);
        const { pictures } = parseCsvTable(formatCsv(data), new CategoryTable(names), 'x.csv', strictly);
        expect(pictures).toEqual(data.pictures.map(p => ({ ...p, objects: near(p.objects, 5) })));
      }),
    );
  });
  test('YOLO keeps boxes to a thousandth of a pixel', () => {
    fc.assert(
      fc.property(dataset, data => {
        for (const p of data.pictures) {
          const back = parseYoloLabels(formatYoloLabels(p), p, 4, 'x.txt', strictly);
          back.forEach((o, i) => {
            for (const k of BOX) expect(Math.abs(o[k] - p.objects[i]![k])).toBeLessThan(1e-3);
            expect(o.category).toBe(p.objects[i]!.category);
          });
          expect(back).toHaveLength(p.objects.length);
        }
        const names = data.categories.map(c => c.name);
        const yaml = parseDataYaml(formatDataYaml(names, new Map([['train', 'images/train']])), 'data.yaml');
        expect(yaml.names).toEqual(names);
        expect(yaml.splits.get('train')).toEqual(['images/train']);
      }),
    );
  });
  test('VOC keeps boxes to half a pixel and flags exactly; a second trip changes nothing', () => {
    fc.assert(
      fc.property(dataset, data => {
        const names = data.categories.map(c => c.name);
        for (const p of data.pictures) {
          const read = (text: string) => parseVoc(text, new CategoryTable(names), 'x.xml', strictly);
          const back = read(formatVoc(p, data.categories));
          expect([back.width, back.height]).toEqual([p.width, p.height]);
          back.objects.forEach((o, i) => {
            const { crowd: _, ...wanted } = p.objects[i]!;
            const grown = wanted.x2 - wanted.x1 < 1.5 || wanted.y2 - wanted.y1 < 1.5; // a pixel is the least VOC knows
            for (const k of BOX) expect(Math.abs(o[k] - wanted[k])).toBeLessThanOrEqual(grown ? 1.51 : 0.51);
            expect({ ...o, x1: 0, y1: 0, x2: 0, y2: 0 }).toEqual({ ...wanted, x1: 0, y1: 0, x2: 0, y2: 0 });
          });
          const again = read(formatVoc({ ...p, objects: back.objects }, data.categories));
          expect(again.objects).toEqual(back.objects);
        }
      }),
    );
  });
  test('polygons through YOLO rows', () => {
    const ring = [10, 10, 60, 12, 40.5, 80];
    const picture = {
      file: 'a.jpg',
      width: 120,
      height: 90,
      objects: [{ x1: 10, y1: 10, x2: 60, y2: 80, category: 1 }],
    };
    const masked = { ...picture, objects: [{ ...picture.objects[0]!, segmentation: [ring] }] };
    const [back] = parseYoloLabels(formatYoloLabels(masked, true), picture, 2, 'x.txt', strictly);
    expect(back).toMatchObject({ x1: expect.closeTo(10, 4), y2: expect.closeTo(80, 4), category: 1 });
    expect((back!.segmentation as number[][])[0]).toEqual(ring.map(v => expect.closeTo(v, 4)));
  });
});

describe('what is read', () => {
  const collect = () => {
    const problems: ReadProblem[] = [];
    return { problems, sink: (p: ReadProblem) => void problems.push(p) };
  };
  test('VOC counts pixels from 1', () => {
    const text = formatVoc(
      { file: 'a.jpg', width: 20, height: 20, objects: [{ x1: 0, y1: 0, x2: 10, y2: 20, category: 0 }] },
      [{ name: 'cat' }],
    );
    expect(text).toMatch(/<xmin>1<\/xmin>\s*<ymin>1<\/ymin>\s*<xmax>10<\/xmax>\s*<ymax>20<\/ymax>/);
    const zero = parseVoc(text, new CategoryTable(), 'a.xml', strictly, 0);
    expect(zero.objects[0]).toMatchObject({ x1: 1, y1: 1, x2: 10, y2: 20 });
  });
  test('bad YOLO lines are named, the others read', () => {
    const { problems, sink } = collect();
    const text = '0 0.5 0.5 0.2 0.2\n7 0.5 0.5 0.1 0.1\n\n1 0.5 x 0.1 0.1\n1 0.5 0.5\n1 .5 .5 .1 .1 .93\n';
    expect(parseYoloLabels(text, { width: 10, height: 10 }, 2, 'a.txt', sink)).toHaveLength(2);
    expect(problems.map(p => [p.kind, p.where])).toEqual([
      ['unknown-class', 'a.txt: line 2'],
      ['bad-record', 'a.txt: line 4'],
      ['bad-record', 'a.txt: line 5'],
    ]);
  });
  test('bad COCO records are named, the others read', () => {
    const { problems, sink } = collect();
    const value = {
      images: [{ id: 1, file_name: 'a.jpg', width: 9, height: 9 }, { id: 1, file_name: 'b.jpg' }, { id: 3 }],
      categories: [{ id: 1, name: 'cat' }],
      annotations: [
        { id: 1, image_id: 1, category_id: 1, bbox: [0, 0, 2, 2] },
        { id: 2, image_id: 9, category_id: 1, bbox: [0, 0, 2, 2] },
        { id: 3, image_id: 1, category_id: 5, bbox: [0, 0, 2, 2] },
        { id: 4, image_id: 1, category_id: 1, bbox: [0, 0, 2] },
        { id: 5, image_id: 1, category_id: 1, segmentation: [[1, 1, 4, 1, 4, 6]] },
      ],
    };
    const { pictures } = datasetFromCoco(value, 'x.json', sink);
    expect(pictures[0]!.objects.map(o => o.id)).toEqual([1, 5]);
    expect(pictures[0]!.objects[1]).toMatchObject({ x1: 1, y1: 1, x2: 4, y2: 6 });
    expect(problems.map(p => p.kind)).toEqual([
      ...['bad-record', 'bad-record', 'unknown-picture', 'unknown-class', 'bad-record'],
    ]);
    expect(() => datasetFromCoco(value, 'x.json', strictly)).toThrow('x.json: images[1] has no id of its own');
    expect(() => datasetFromCoco([], 'r.json', strictly)).toThrow('it is a list, as results of a detector are');
  });
  test('data.yaml: names as list or map, splits as one or many, other spellings', () => {
    const read = (text: string) => parseDataYaml(text, 'data.yaml');
    expect(read('names:\n  1: b\n  0: a\nvalid: [x, y]\npath: ../d\n')).toEqual({
      names: ['a', 'b'],
      splits: new Map([['val', ['x', 'y']]]),
      path: '../d',
    });
    expect(read('names: [yes please, "1"]\nnc: 2').names).toEqual(['yes please', '1']);
    expect(() => read('names: [a]\nnc: 2')).toThrow('nc is 2');
    expect(() => read('names: {0: a, 2: b}')).toThrow('number them without gaps');
    expect(() => read('names: [a')).toThrow('is no YAML');
  });
  test('RetinaNet rows without a header; an empty picture', () => {
    const text = 'a.jpg,1,2,30,40,cat\nb.jpg,,,,,\n';
    const { pictures } = parseCsvTable(text, new CategoryTable(), 'x.csv', strictly);
    expect(pictures.map(p => [p.file, p.objects.length])).toEqual([
      ['a.jpg', 1],
      ['b.jpg', 0],
    ]);
  });
  test('XML that is none is refused by line', () => {
    for (const text of ['<a>\n<b></a>', '<a>', 'x', '<a/><b/>', '<!DOCTYPE a [<!ENTITY b "c">]><a/>', '<'.repeat(99)])
      expect(() => parseXml(text, 'x.xml')).toThrow(/x.xml: line \d/);
    expect(parseXml('<?xml version="1.0"?><a q="1>2"><!-- c --><b>x &lt;&#233;<![CDATA[<&]]></b><c/></a>', '')).toEqual(
      {
        name: 'a',
        text: '',
        children: [
          { name: 'b', children: [], text: 'x <é<&' },
          { name: 'c', children: [], text: '' },
        ],
      },
    );
  });
  test('where labels lie', () => {
    expect(yoloLabelPaths('images/d/images/train/a.b.jpg')).toEqual([
      'images/d/labels/train/a.b.txt',
      'images/d/images/train/a.b.txt',
    ]);
    expect(yoloLabelPaths('/v/JPEGImages/1.png')[0]).toBe('/v/labels/1.txt');
    expect(yoloLabelPaths('plain/1.png')).toEqual(['plain/1.txt']);
  });
});

describe('data sets', () => {
  const box = { x1: 0, y1: 0, x2: 5, y2: 5 };
  const picture = (file: string, objects: DataObject[], split?: string) => ({
    ...{ file, width: 100, height: 50, objects },
    ...(split && { split }),
  });
  test("COCO's classes get COCO's ids, numbers in names are picture ids", () => {
    const { names, ids } = LABEL_SETS.coco80;
    const data = {
      categories: names.map(n => ({ name: n })),
      pictures: [picture('x/000139.jpg', [{ ...box, category: 79 }])],
    };
    const coco = datasetToCoco(data) as { images: { id: number }[]; annotations: { category_id: number }[] };
    expect([coco.images[0]!.id, coco.annotations[0]!.category_id]).toEqual([139, ids[79]]);
  });
  test('joining maps classes by name', () => {
    const joined = mergeDatasets([
      { categories: [{ name: 'a' }, { name: 'b' }], pictures: [picture('1', [{ ...box, category: 1 }], 'train')] },
      { categories: [{ name: 'b' }, { name: 'c' }], pictures: [picture('1', [{ ...box, category: 1 }], 'val')] },
    ]);
    expect(joined.categories.map(c => c.name)).toEqual(['a', 'b', 'c']);
    expect(joined.pictures.map(p => p.objects[0]!.category)).toEqual([1, 2]);
    expect(takeSplit(joined, 'val').pictures).toHaveLength(1);
    expect(() => takeSplit(joined, 'test')).toThrow('the data set has train, val');
  });
  test('what formats cannot hold', () => {
    const objects = [
      { ...box, category: 0, crowd: true, segmentation: { size: [50, 100], counts: [5000] } as const },
      { ...box, category: 0, difficult: true, segmentation: [[0, 0, 5, 0, 5, 5]] },
    ];
    const data = { categories: [{ name: 'a' }, { name: 'a' }], pictures: [picture('1', objects)] };
    const texts = (...args: [Parameters<typeof lossesOf>[1], Parameters<typeof lossesOf>[2]?]) =>
      lossesOf(data, ...args).map(l => l.text);
    expect(texts('coco')).toEqual([]);
    expect(texts('yolo')).toEqual([
      '1 crowd region is left out',
      '1 mask becomes a box',
      '1 object is no longer difficult',
    ]);
    expect(texts('yolo', { masks: true })).toEqual(['1 crowd region is left out', '1 object is no longer difficult']);
    expect(texts('voc')).toEqual([
      '1 crowd region is left out',
      '1 mask becomes a box',
      '1 class joins another of its name',
    ]);
    expect(texts('csv')).toEqual(['1 class joins another of its name']);
  });
  test('faults of boxes', () => {
    const at = (x1: number, y1: number, x2: number, y2: number) => ({ x1, y1, x2, y2, category: 0 });
    const objects = [
      at(0, 0, 10, 10),
      at(0.1, 0, 10, 10),
      at(5, 5, 5, 9),
      at(120, 0, 130, 9),
      at(90, 0, 104, 9),
      at(3, 3, 4, 9),
      at(-1, 0, 99, 50),
    ];
    const found = checkBoxes({ categories: [{ name: 'a' }, { name: 'b' }], pictures: [picture('1', objects)] });
    expect(found.map(f => [f.kind, f.object])).toEqual([
      ['empty-box', 2],
      ['box-outside', 3],
      ['box-over-edge', 4],
      ['tiny-box', 5],
      ['duplicate-box', 1],
      ['empty-class', undefined],
    ]);
  });
  test('class balance', () => {
    const objects = [
      { ...box, category: 0 },
      { ...box, x2: 80, y2: 40, category: 0 },
      { ...box, category: 0, crowd: true },
    ];
    const [row] = classBalance({ categories: [{ name: 'a' }], pictures: [picture('1', objects, 'val')] });
    expect(row).toEqual({
      ...{ name: 'a', objects: 2, crowds: 1, pictures: 1, small: 1, medium: 1, large: 0, bySplit: { val: 2 } },
    });
  });
  test('pooled features keep places; equal ones are pairs', () => {
    const grid = (v: readonly number[]) => pooledFeatures(Float32Array.from(v), 2, 2, 1, 2);
    expect([...grid([3, 0, 0, 4])]).toEqual([0.6, 0, 0, 0.8].map(v => expect.closeTo(v, 6)));
    const pairs = nearPairs([grid([1, 0, 0, 0]), undefined, grid([0, 1, 0, 0]), grid([9, 1, 0, 0])], 0.9);
    expect(pairs).toEqual([{ a: 0, b: 3, similarity: expect.closeTo(0.9939, 3) }]);
  });
});
