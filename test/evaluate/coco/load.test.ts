import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluateCoco, loadGroundTruth, loadResults } from '../../../src/evaluate/coco/index.ts';
import { JsonScanner, keyTable } from '../../../src/evaluate/json/scanner.ts';
import { openSource } from '../../../src/evaluate/json/source.ts';

const bytes = (text: string) => Buffer.from(text);
const image = { id: 1, width: 20, height: 10 };
const category = { id: 3, name: 'cat' };
const annotation = { id: 7, image_id: 1, category_id: 3, bbox: [1, 2, 3, 4], area: 12, iscrowd: 0 };
const gt = (changes: object = {}) => ({
  images: [image],
  annotations: [annotation],
  categories: [category],
  ...changes,
});
const truth = loadGroundTruth(gt());
const result = { image_id: 1, category_id: 3, bbox: [1, 2, 3, 4], score: 0.5 };
const withField = (field: object) =>
  loadGroundTruth(gt({ annotations: [annotation, { ...annotation, id: 8, ...field }] }));
const message = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
};

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'coco-load-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** A scanner that gets its bytes in tiny pieces. */
function scan(text: string, chunk: number): JsonScanner {
  return new JsonScanner(openSource(bytes(text), 'test'), chunk);
}

describe('scanner', () => {
  const numberText = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(v => JSON.stringify(v)),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map(v => JSON.stringify(v)),
    fc.integer().map(String),
    fc
      .tuple(
        fc.boolean(),
        fc.bigInt({ min: 0n, max: 10n ** 25n }),
        fc.bigInt({ min: 0n, max: 10n ** 22n }),
        fc.integer({ min: -330, max: 320 }),
      )
      .map(([minus, whole, part, e]) => `${minus ? '-' : ''}${whole}.${part}e${e}`),
    fc.constantFrom(
      '9007199254740993',
      '9007199254740992',
      '9007199254740991',
      '-0',
      '0e5',
      '1E-2',
      '5e-324',
      '1e22',
      '1e23',
      '123456789012345678',
      '0.1',
      '2.2250738585072011e-308',
      '1e-400',
      '-1.5E+3',
    ),
  );
  test('numbers equal Number() to the last bit, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(numberText, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (texts, chunk) => {
          const s = scan(`[${texts.join(' , ')}]`, chunk);
          const found: number[] = [];
          s.elements('numbers', i => {
            found[i] = s.number('a number');
          });
          s.finish();
          expect(found.map(v => (Object.is(v, -0) ? '-0' : v))).toEqual(
            texts.map(Number).map(v => (Object.is(v, -0) ? '-0' : v)),
          );
        },
      ),
      { numRuns: 500 },
    );
  });
  test('any JSON value is skipped or built as JSON.parse builds it, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 4 })),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(3),
        (values, chunk, indent) => {
          const s = scan(JSON.stringify(values, null, indent), chunk);
          const found: unknown[] = [];
          s.elements('values', i => {
            if (i % 2) s.skip();
            else found[i] = s.value();
          });
          s.finish();
          expect(found.filter((_, i) => i % 2 === 0)).toEqual(
            JSON.parse(JSON.stringify(values)).filter((_: unknown, i: number) => i % 2 === 0),
          );
        },
      ),
    );
  });
  test('what JSON.parse refuses, it refuses', () => {
    const broken = [
      '[1,]',
      '[,1]',
      '[01]',
      '[1.]',
      '[.5]',
      '[1e]',
      '[+1]',
      '["a\nb"]',
      '["a]',
      '[1 2]',
      '{"a"}',
      '[tru]',
      '[1]]',
      '[1',
      '',
      '[{"a":1,}]',
      "['a']",
      '[1]x',
      '["\\"]',
      '[-]',
      '[nul',
    ];
    for (const text of broken) {
      expect(() => JSON.parse(text), text).toThrow();
      for (const chunk of [1, 3, 64])
        expect(() => {
          const s = scan(text, chunk);
          s.elements('values', () => s.skip());
          s.finish();
        }, text).toThrow(/JSON|empty/);
    }
  });
  test('field names with escapes, fields in any order, fields twice (the last counts)', () => {
    const s = scan('[{"sc\\u006fre": 1, "x": [{"score": 5}], "score" : 2}]', 7);
    const keys = keyTable(['score']);
    let score = 0;
    s.elements('rows', () =>
      s.fields(keys, key => {
        if (key === 0) score = s.number('a score');
        else s.skip();
      }),
    );
    expect(score).toBe(2);
  });
});

describe('what is read', () => {
  test('a file with a byte order mark, Windows line ends, unknown fields and unicode names', () => {
    const path = join(dir, 'gt.json');
    writeFileSync(
      path,
      `\ufeff${JSON.stringify({ info: { 'ö"[': [1, { a: null }] }, ...gt({ categories: [{ id: 3, name: 'кот \u{1f408}' }] }) }, null, 2).replaceAll('\n', '\r\n')}`,
    );
    const read = loadGroundTruth(path);
    expect(read.categories.names).toEqual(['кот \u{1f408}']);
    expect([...read.annotations.box]).toEqual([1, 2, 3, 4]);
  });
  test('equal category names are told apart by their ids', () => {
    const read = loadGroundTruth(gt({ categories: [category, { id: 4, name: 'cat' }] }));
    expect(read.categories.names).toEqual(['cat', 'cat (4)']);
  });
  test('missing areas are filled, with a warning', () => {
    const { area: _, ...rest } = annotation;
    const read = loadGroundTruth(gt({ annotations: [rest] }));
    expect([...read.annotations.area]).toEqual([12]);
    expect(read.warnings[0]).toContain('1 annotations have no area');
    const masks = loadGroundTruth(gt({ annotations: [{ ...rest, segmentation: [[0, 0, 5, 0, 5, 5, 0, 5]] }] }), {
      iouType: 'segm',
    });
    expect([...masks.annotations.area]).toEqual([25]);
  });
  test('annotation id 0 is warned about', () => {
    expect(loadGroundTruth(gt({ annotations: [{ ...annotation, id: 0 }] })).warnings[0]).toContain('id 0');
  });
  test('uncompressed run lengths and polygons as results', () => {
    const masks = loadGroundTruth(gt({ annotations: [{ ...annotation, segmentation: [[2, 2, 7, 2, 7, 7, 2, 7]] }] }), {
      iouType: 'segm',
    });
    const counts = [22, 5, 5, 5, 5, 5, 5, 5, 5, 5, 133];
    for (const segmentation of [{ size: [10, 20], counts }, [[2, 2, 7, 2, 7, 7, 2, 7]]]) {
      const results = loadResults([{ image_id: 1, category_id: 3, score: 1, segmentation }], masks, {
        iouType: 'segm',
      });
      expect([...results.area]).toEqual([25]);
      expect([...results.box]).toEqual([2, 2, 5, 5]);
      expect(evaluateCoco(masks, results, { iouType: 'segm' }).figures.AP).toBeCloseTo(1, 12);
    }
  });
});

describe('errors name the file, the record and the field', () => {
  const results = (list: unknown) =>
    message(() => loadResults(typeof list === 'string' ? bytes(list) : (list as object), truth));
  test('not a number', () => {
    expect(
      results(
        '[{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5},\n{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "score": NaN}]',
      ),
    ).toMatchInlineSnapshot(`
      "results: results[1] is not valid JSON at byte 137
        why: a number for score was expected, "NaN" found
        fix: JSON has no NaN or Infinity: find where the writer divides by zero"
    `);
    expect(results('[{"image_id": 1, "category_id": 3, "bbox": [1, 2, Infinity, 4], "score": 1}]')).toContain(
      'Infinity',
    );
    expect(results('[{"image_id": 1, "category_id": 3, "bbox": [1, 2, 1e999, 4], "score": 1}]')).toContain(
      'width Infinity',
    );
    expect(results('[{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 1e999}]')).toContain(
      'score beyond',
    );
    expect(results([{ ...result, score: '0.5' }])).toContain('a number for score was expected');
    expect(results([{ ...result, score: null }])).toContain('a number for score was expected, "null" found');
  });
  test('negative sizes', () => {
    expect(results([result, { ...result, bbox: [5, 5, -2, 3] }])).toMatchInlineSnapshot(`
      "results: results[1] has a bbox of width -2 and height 3
        why: sizes are 0 or more, and finite
        fix: COCO boxes are [x, y, width, height], not [x1, y1, x2, y2]: check the conversion"
    `);
    expect(message(() => withField({ bbox: [5, 5, 2, -3] }))).toContain(
      'annotations[1] has a bbox of width 2 and height -3',
    );
  });
  test('a box of another length', () => {
    expect(results([{ ...result, bbox: [5, 5, 2] }])).toContain('results[0] has a bbox of 3 numbers');
    expect(results([{ ...result, bbox: [5, 5, 2, 3, 4] }])).toContain('results[0] has a bbox of 5 numbers');
  });
  test('unknown images and categories, unless they are to be skipped', () => {
    expect(results([result, { ...result, image_id: 2 }])).toMatchInlineSnapshot(`
      "results: results[1] has the image_id 2
        why: the ground truth lists no such image
        fix: check that both files are of one data set (images of the ground truth), or pass --skip-unknown"
    `);
    expect(results([{ ...result, category_id: 1 }])).toContain('results[0] has the category_id 1');
    expect(message(() => withField({ category_id: 99 }))).toMatchInlineSnapshot(`
      "ground truth: annotations[1] (id 8) belongs to the category 99
        why: "categories" lists no such category
        fix: add the category, drop the annotation, or pass --skip-unknown"
    `);
    expect(message(() => withField({ image_id: 99 }))).toContain('annotations[1] (id 8) belongs to the image 99');
    const some = loadResults(
      [{ ...result, image_id: 2 }, result, { ...result, category_id: 4 }, { ...result, score: 1 }],
      truth,
      { skipUnknown: true },
    );
    expect([...some.score]).toEqual([0.5, 1]);
    expect(some.warnings).toEqual(['left out 2 results of unknown images or categories']);
    expect(some.nameOf(1)).toBe('results: results[3] (image_id 1)');
    const fewer = loadGroundTruth(gt({ annotations: [{ ...annotation, id: 1, image_id: 9 }, annotation] }), {
      skipUnknown: true,
    });
    expect([...fewer.annotations.id]).toEqual([7]);
  });
  test('ids met twice', () => {
    expect(message(() => withField({ id: 7 }))).toMatchInlineSnapshot(`
      "ground truth: annotations[1] (id 7) has the id of ground truth: annotations[0] (id 7)
        why: an id names one annotation (pycocotools would count the last one twice and lose the first)
        fix: give each annotation its own id"
    `);
    expect(message(() => loadGroundTruth(gt({ images: [image, image] })))).toContain('images[1] has the id 1 of');
    expect(message(() => loadGroundTruth(gt({ categories: [category, category] })))).toContain(
      'categories[1] has the id 3 of',
    );
  });
  test('a truncated file', () => {
    const whole = JSON.stringify([result, result, result]);
    expect(results(whole.slice(0, 170))).toMatchInlineSnapshot(`
      "results: results[2] ends at byte 170, in the middle of JSON
        why: the end of a string was expected
        fix: the file is cut off: write or download it again"
    `);
    for (let n = 0; n < whole.length; n++)
      expect(results(whole.slice(0, n)), whole.slice(0, n)).toMatch(/cut off|is empty/);
    expect(message(() => loadGroundTruth(bytes(JSON.stringify(gt()).slice(0, -1))))).toContain('cut off');
  });
  test('missing fields', () => {
    for (const field of ['image_id', 'category_id', 'score'] as const) {
      const { [field]: _, ...rest } = result;
      expect(results([rest])).toContain(`results[0] has no ${field}`);
    }
    const { bbox: _, ...rest } = result;
    expect(results([rest])).toContain('results[0] has neither bbox nor segmentation');
    expect(results([result, rest])).toContain('results[1] has no bbox');
    for (const field of ['id', 'image_id', 'category_id', 'bbox'] as const)
      expect(message(() => withField({ [field]: undefined }))).toContain(`annotations[1] has no ${field}`);
    for (const field of ['images', 'annotations', 'categories'] as const)
      expect(message(() => loadGroundTruth({ ...gt(), [field]: undefined }))).toContain(`has no "${field}"`);
  });
  test('swapped files and missing files', () => {
    expect(results(gt())).toContain('is not a list');
    expect(message(() => loadGroundTruth([result]))).toContain('did you swap');
    expect(message(() => loadGroundTruth(join(dir, 'none.json')))).toContain('no such file');
    expect(message(() => loadGroundTruth(dir))).toContain('it is a folder');
    writeFileSync(join(dir, 'empty.json'), '');
    expect(message(() => loadGroundTruth(join(dir, 'empty.json')))).toContain('empty.json is empty');
  });
  test('masks that cannot be read', () => {
    const masks = loadGroundTruth(gt({ annotations: [{ ...annotation, segmentation: [[0, 0, 5, 0, 5, 5]] }] }), {
      iouType: 'segm',
    });
    const one = (segmentation: unknown) =>
      message(() => {
        const r = loadResults([{ image_id: 1, category_id: 3, score: 1, segmentation }], masks, { iouType: 'segm' });
        evaluateCoco(masks, r, { iouType: 'segm' });
      });
    expect(one({ size: [10, 20], counts: '5' })).toMatchInlineSnapshot(`
      "results: results[0] has a mask that cannot be read
        why: its run lengths add up to 5, its size 20x10 has 200 pixels
        fix: write the mask again with its true size [height, width]"
    `);
    expect(one({ size: [10, 20], counts: 'P' })).toContain('cut off or hold foreign characters');
    expect(one({ size: [10], counts: 'P' })).toContain('without a proper size');
    expect(one({ counts: 'P' })).toContain('without a proper size');
    expect(one({ size: [10, 20], counts: [1, -1] })).toContain('run length of -1');
    expect(one([])).toContain('empty segmentation');
    expect(one([[1, 2, 3, 4]])).toContain('a polygon of 4 numbers');
    expect(one('P')).toContain('neither a list nor an object');
    expect(message(() => loadGroundTruth(gt(), { iouType: 'segm' }))).toContain('annotations[0] has no segmentation');
  });
});
