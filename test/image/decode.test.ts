import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError, type RgbImage, seededRandom } from '../../src/core/index.ts';
import { decodeImage, encodeGrey16Png, encodeJpeg, encodePng, type ImageSource } from '../../src/image/index.ts';

const WIDTH = 48;
const HEIGHT = 32;
let folder: string;

/** Left half red, right half blue, top rows green: every turn and flip of it is different. */
function flag(): Buffer {
  const data = Buffer.alloc(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 0; x < WIDTH; x++) {
      const at = 3 * (y * WIDTH + x);
      const colour = y < HEIGHT / 4 ? [20, 200, 20] : x < WIDTH / 2 ? [200, 20, 20] : [20, 20, 200];
      data.set(colour, at);
    }
  return data;
}
const pixels = () => sharp(flag(), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
const at = (image: RgbImage, x: number, y: number) => {
  const o = 3 * (y * image.shape[1] + x);
  return Array.from(image.data.subarray(o, o + 3));
};
const close = (got: number[], want: number[], tolerance: number) => {
  for (let c = 0; c < 3; c++)
    expect(Math.abs(got[c]! - want[c]!), `${got} against ${want}`).toBeLessThanOrEqual(tolerance);
};
function isFlag(image: RgbImage, tolerance: number) {
  expect(image.shape).toEqual([HEIGHT, WIDTH, 3]);
  close(at(image, 4, HEIGHT - 4), [200, 20, 20], tolerance);
  close(at(image, WIDTH - 4, HEIGHT - 4), [20, 20, 200], tolerance);
  close(at(image, WIDTH / 2, 2), [20, 200, 20], tolerance);
}
async function refusal(source: ImageSource, options = {}): Promise<string> {
  const error = await decodeImage(source, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DenseError);
  expect((error as DenseError).code).toBe('BAD_INPUT');
  return (error as DenseError).message.replaceAll(folder, 'FOLDER');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pe-dense-decode-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('formats', () => {
  const encoders: Record<string, [() => Promise<Buffer>, number]> = {
    'JPEG 4:4:4': [() => pixels().jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(), 12],
    'progressive JPEG': [() => pixels().jpeg({ quality: 95, progressive: true }).toBuffer(), 12],
    PNG: [() => pixels().png().toBuffer(), 0],
    'palette PNG': [() => pixels().png({ palette: true }).toBuffer(), 0],
    'lossless WebP': [() => pixels().webp({ lossless: true }).toBuffer(), 0],
    AVIF: [() => pixels().avif({ quality: 90 }).toBuffer(), 12],
    GIF: [() => pixels().gif().toBuffer(), 4],
    TIFF: [() => pixels().tiff({ compression: 'lzw' }).toBuffer(), 0],
    '16-bit PNG': [() => pixels().toColourspace('rgb16').png().toBuffer(), 1],
  };
  for (const [name, [encode, tolerance]] of Object.entries(encoders))
    test(name, async () => isFlag(await decodeImage(await encode()), tolerance));

  test('CMYK JPEG comes out in its colours', async () => {
    const cmyk = await pixels().toColourspace('cmyk').jpeg({ quality: 98 }).toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const image = await decodeImage(cmyk);
    expect(image.shape).toEqual([HEIGHT, WIDTH, 3]);
    const [r, g, b] = at(image, 4, HEIGHT - 4) as [number, number, number]; // printing inks cannot reach every red
    expect(r).toBeGreaterThan(g + 80);
    expect(r).toBeGreaterThan(b + 80);
  });
  test('grey JPEG has three equal channels', async () => {
    const image = await decodeImage(await pixels().greyscale().jpeg().toBuffer());
    expect(image.shape).toEqual([HEIGHT, WIDTH, 3]);
    const [r, g, b] = at(image, 4, HEIGHT - 4);
    expect([g, b]).toEqual([r, r]);
  });
  test('16-bit grey PNG is scaled to 8 bits', async () => {
    const data = Uint16Array.from({ length: 4 }, (_, i) => [0, 257 * 100, 257 * 200, 65535][i]!);
    const png = encodeGrey16Png({ axes: ['height', 'width'], shape: [2, 2], data });
    const image = await decodeImage(png);
    expect(Array.from(image.data)).toEqual([0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255]);
  });
  test('an animation gives its first frame', async () => {
    const frames = Buffer.concat([Buffer.alloc(12, 250), Buffer.alloc(12, 0)]);
    const gif = await sharp(frames, { raw: { width: 2, height: 4, channels: 3, pageHeight: 2 } })
      .gif()
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBe(2);
    const image = await decodeImage(gif);
    expect(image.shape).toEqual([2, 2, 3]);
    expect(Math.min(...image.data)).toBeGreaterThan(240);
  });
  test('a picture with a colour profile is brought to sRGB', async () => {
    const p3 = await pixels().withIccProfile('p3').png().toBuffer();
    isFlag(await decodeImage(p3), 3);
  });
});

describe('orientation', () => {
  // for each EXIF value, how the stored pixels were turned so that undoing it gives the flag
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8])
    test(`EXIF ${orientation} is undone`, async () => {
      let stored = pixels();
      if ([2, 5, 7, 4].includes(orientation)) stored = sharp(await stored.flop().png().toBuffer());
      const turn = { 1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 270, 7: 90, 8: 90 }[orientation]!;
      const turned = await sharp(await stored.png().toBuffer())
        .rotate(turn)
        .withMetadata({ orientation })
        .png()
        .toBuffer();
      expect((await sharp(turned).metadata()).orientation).toBe(orientation);
      isFlag(await decodeImage(turned), 0);
    });
});

describe('transparency', () => {
  test('is flattened on white, or on what is asked', async () => {
    const clear = await sharp({
      create: { width: 4, height: 4, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect(new Set((await decodeImage(clear)).data)).toEqual(new Set([255]));
    expect(at(await decodeImage(clear, { background: [10, 20, 30] }), 1, 1)).toEqual([10, 20, 30]);
  });
  test('half transparent grey raw pixels', async () => {
    const image = await decodeImage({ data: Uint8Array.from([100, 128]), width: 1, height: 1, channels: 2 });
    expect(Array.from(image.data)).toEqual([177, 177, 177]);
  });
});

describe('sources', () => {
  test('path, URL, bytes, ArrayBuffer, raw and decoded agree', async () => {
    const png = await pixels().png().toBuffer();
    const path = join(folder, 'a b.png');
    writeFileSync(path, png);
    const copy = new Uint8Array(png);
    const raw = { data: new Uint8Array(flag()), width: WIDTH, height: HEIGHT, channels: 3 } as const;
    const decoded = await decodeImage(path);
    isFlag(decoded, 0);
    for (const source of [pathToFileURL(path), png, copy.buffer, raw, decoded])
      expect((await decodeImage(source)).data).toEqual(decoded.data);
  });
  test('PNG and JPEG written here are read back', async () => {
    const image = await decodeImage(await pixels().png().toBuffer());
    expect((await decodeImage(await encodePng(image))).data).toEqual(image.data);
    isFlag(await decodeImage(await encodeJpeg(image, { quality: 95 })), 12);
  });
});

describe('what cannot be read is refused with words', () => {
  test('missing', async () =>
    expect(await refusal(join(folder, 'none.jpg'))).toMatchInlineSnapshot(`
    "cannot read picture FOLDER/none.jpg
      why: there is no such file
      fix: check the path"
  `));
  test('a folder', async () =>
    expect(await refusal(folder)).toMatchInlineSnapshot(`
    "cannot read picture FOLDER
      why: it is a folder
      fix: give a picture file"
  `));
  test('empty', async () => {
    writeFileSync(join(folder, 'empty.jpg'), '');
    expect(await refusal(join(folder, 'empty.jpg'))).toMatchInlineSnapshot(`
      "cannot read picture FOLDER/empty.jpg
        why: it is empty (0 bytes)
        fix: give a JPEG, PNG, WebP, AVIF, GIF or TIFF"
    `);
  });
  test('text', async () => {
    writeFileSync(join(folder, 'text.jpg'), 'this is not a picture');
    expect(await refusal(join(folder, 'text.jpg'))).toMatchInlineSnapshot(`
      "cannot read picture FOLDER/text.jpg
        why: its first bytes (7468697320697320) are of no picture format we read
        fix: give a JPEG, PNG, WebP, AVIF, GIF or TIFF file"
    `);
  });
  test('SVG', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    expect(await refusal(svg, { name: 'drawing.svg' })).toMatchInlineSnapshot(`
      "cannot read picture drawing.svg
        why: its format is svg
        fix: convert it to JPEG, PNG, WebP, AVIF, GIF or TIFF"
    `);
  });
  for (const format of ['jpeg', 'png', 'webp', 'tiff', 'gif', 'avif'] as const)
    test(`truncated ${format}`, async () => {
      const random = seededRandom(3);
      const noise = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, () => random() * 256));
      const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
        [format]()
        .toBuffer();
      expect(await refusal(whole.subarray(0, Math.floor(whole.length * 0.6)), { name: 'cut' })).toMatch(
        /^cannot read picture cut\n {2}why: (the file is damaged or cut short|its first bytes)/,
      );
    });
  test('too many pixels', async () => {
    const png = await pixels().png().toBuffer();
    expect(await refusal(png, { name: 'wide.png', maxPixels: 1000 })).toMatchInlineSnapshot(`
      "picture wide.png is too large
        why: 48 x 32 is 1536 pixels, the limit is 1000
        fix: make it smaller, or raise maxPixels if the memory is there"
    `);
  });
  test('raw pixels of the wrong length', async () => {
    expect(await refusal({ data: new Uint8Array(10), width: 2, height: 2, channels: 3 })).toMatchInlineSnapshot(`
      "raw picture of 2 x 2 x 3 got 10 bytes
        why: its size asks for 12
        fix: pass all pixels, rows without padding"
    `);
  });
  test('a cancelled read says so', async () => {
    await expect(decodeImage(join(folder, 'a b.png'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});
