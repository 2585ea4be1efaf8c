import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DenseError, rgbImage } from '../../src/core/index.ts';
import { type DecodeOptions, decodeImage, type ImageSource, listInputs, outputStems } from '../../src/image/index.ts';

/** Three columns, red, green, blue, and two rows. */
const COLUMNS = [200, 20, 20, 20, 200, 20, 20, 20, 200];
const PIXELS = Uint8Array.from([...COLUMNS, ...COLUMNS]);
const columns = () => sharp(PIXELS, { raw: { width: 3, height: 2, channels: 3 } });

async function refusal(source: unknown, options: DecodeOptions = {}): Promise<string> {
  const error = await decodeImage(source as ImageSource, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DenseError);
  expect((error as DenseError).code).toBe('BAD_INPUT');
  return (error as DenseError).message.replaceAll(base, 'http://SERVER');
}

let server: Server;
let base: string;
let png: Buffer;
const asked: { url: string; authorization: string | undefined; secret: string | undefined }[] = [];
const answers: Record<string, RequestListener> = {
  '/columns.png': (_, to) => void to.writeHead(200, { 'content-type': 'image/png' }).end(png),
  '/untold': (_, to) => void to.writeHead(200).end(png),
  '/octets': (_, to) => void to.writeHead(200, { 'content-type': 'application/octet-stream' }).end(png),
  '/page': (_, to) => void to.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>no</p>'),
  '/liar.png': (_, to) => void to.writeHead(200, { 'content-type': 'image/png' }).end('<p>no</p>'),
  '/empty': (_, to) => void to.writeHead(200, { 'content-type': 'image/png' }).end(),
  '/large': (_, to) =>
    void to.writeHead(200, { 'content-type': 'image/png', 'content-length': 3000 }).end(Buffer.alloc(3000)),
  '/endless': (_, to) => {
    to.writeHead(200, { 'content-type': 'image/png' }); // chunked: its size is not told
    const more = () => to.write(Buffer.alloc(1 << 16)) && setImmediate(() => to.destroyed || more());
    to.on('drain', more);
    more();
  },
  '/slow': (_, to) => void to.writeHead(200, { 'content-type': 'image/png' }).write(png.subarray(0, 10)),
  '/cut': (_, to) => {
    to.writeHead(200, { 'content-type': 'image/png', 'content-length': png.length });
    to.write(png.subarray(0, 10), () => to.destroy());
  },
  '/moved': (_, to) => void to.writeHead(302, { location: '/columns.png' }).end(),
  '/circle': (_, to) => void to.writeHead(302, { location: '/circle' }).end(),
  '/out': (_, to) => void to.writeHead(302, { location: 'file:///etc/hostname' }).end(),
};

beforeAll(async () => {
  png = await columns().png().toBuffer();
  server = createServer((request, response) => {
    const { authorization, 'x-secret': secret } = request.headers;
    asked.push({ url: request.url!, authorization, secret: secret as string | undefined });
    const answer = answers[request.url!];
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('from memory', () => {
  test('Buffer, Uint8Array, ArrayBuffer and Blob hold a file', async () => {
    const whole = Uint8Array.from(png);
    for (const source of [png, whole, whole.buffer, new Blob([whole])])
      expect((await decodeImage(source)).data).toEqual(PIXELS);
  });
  test('a view into a larger buffer is read as the view alone', async () => {
    const larger = Buffer.concat([Buffer.alloc(7, 255), png, Buffer.alloc(9)]);
    expect((await decodeImage(larger.subarray(7, 7 + png.length))).data).toEqual(PIXELS);
    const raw = Uint8Array.from([9, 9, ...PIXELS, 9]).subarray(2, 2 + PIXELS.length);
    expect((await decodeImage({ data: raw, width: 3, height: 2, channels: 3 })).data).toEqual(PIXELS);
  });
  test('raw pixels are bytes: other numbers are refused, not taken for bytes', async () => {
    const data = new Float32Array(18).fill(0.5);
    expect(await refusal({ data, width: 3, height: 2, channels: 3 })).toMatchInlineSnapshot(`
      "raw picture of Float32Array
        why: its values are bytes, 0 to 255
        fix: pass a Uint8Array, a Uint8ClampedArray or a Buffer"
    `);
  });
  test('a frame is its picture, decoded or raw', async () => {
    const image = rgbImage(2, 3, PIXELS);
    expect(await decodeImage({ image })).toBe(image);
    const raw = { data: PIXELS, width: 3, height: 2, channels: 3 } as const;
    expect((await decodeImage({ image: raw })).data).toEqual(PIXELS);
  });
  test.each([[undefined], [null], [7], [{}], [new Date()]])('%s is refused as no picture', async source => {
    expect(await refusal(source)).toMatch(/^a picture of type \w+\n {2}why: .*\n {2}fix: pass a path/);
  });
});

describe('a sharp pipeline', () => {
  test('gives what it was told to, again and again', async () => {
    const turned = columns().rotate(90);
    for (let i = 0; i < 2; i++) {
      const image = await decodeImage(turned);
      expect(image.shape).toEqual([3, 2, 3]);
      expect(Array.from(image.data.subarray(0, 6))).toEqual([200, 20, 20, 200, 20, 20]);
    }
    expect((await sharp(await turned.png().toBuffer()).metadata()).format).toBe('png'); // not made raw
  });
  test('may be fed by a stream', async () => {
    const pipeline = sharp().flop();
    pipeline.end(png);
    expect(Array.from((await decodeImage(pipeline)).data.subarray(0, 3))).toEqual([20, 20, 200]);
  });
  test('is flattened on the background, and grey becomes RGB', async () => {
    const clear = sharp({ create: { width: 2, height: 1, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
    expect(Array.from((await decodeImage(clear, { background: [1, 2, 3] })).data)).toEqual([1, 2, 3, 1, 2, 3]);
    expect((await decodeImage(columns().greyscale())).shape).toEqual([2, 3, 3]);
    expect((await decodeImage(columns().toColourspace('b-w'))).shape).toEqual([2, 3, 3]);
  });
  test('is turned upright only if it says so', async () => {
    const phone = await columns().jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect((await decodeImage(phone)).shape).toEqual([3, 2, 3]);
    expect((await decodeImage(sharp(phone))).shape).toEqual([2, 3, 3]);
    expect((await decodeImage(sharp(phone).autoOrient())).shape).toEqual([3, 2, 3]);
  });
  test('that fails says why; one that is too large is refused', async () => {
    expect(await refusal(columns().extract({ left: 9, top: 0, width: 9, height: 1 }))).toMatch(
      /^cannot read picture from a sharp pipeline\n {2}why: .*extract.*\n {2}fix: correct the pipeline$/,
    );
    expect(await refusal(columns(), { maxPixels: 5, name: 'mine' })).toMatch(/^picture mine is too large\n.*3 x 2/);
  });
});

describe('a web address', () => {
  const allowUrl = true;
  test('is visited only where that is allowed', async () => {
    asked.length = 0;
    expect(await refusal(`${base}/columns.png`)).toMatchInlineSnapshot(`
      "cannot read picture http://SERVER/columns.png
        why: reading from the network is not allowed
        fix: pass allowUrl: true (--allow-url), or its bytes"
    `);
    expect(await refusal(new URL(`${base}/columns.png`))).toContain('not allowed');
    expect(asked).toEqual([]);
    for (const source of [`${base}/columns.png`, new URL(`${base}/columns.png`)])
      expect((await decodeImage(source, { allowUrl })).data).toEqual(PIXELS);
  });
  test('may keep silent about its type, but not name another', async () => {
    for (const path of ['/untold', '/octets'])
      expect((await decodeImage(base + path, { allowUrl })).data).toEqual(PIXELS);
    expect(await refusal(`${base}/page`, { allowUrl })).toMatchInlineSnapshot(`
      "cannot read picture http://SERVER/page
        why: the server sends text/html, which is no picture
        fix: give the address of the picture itself"
    `);
    expect(await refusal(`${base}/liar.png`, { allowUrl })).toContain('of no picture format we read');
    expect(await refusal(`${base}/empty`, { allowUrl })).toContain('it is empty');
  });
  test('that fails says how', async () => {
    expect(await refusal(`${base}/missing.png`, { allowUrl })).toMatchInlineSnapshot(`
      "cannot read picture http://SERVER/missing.png
        why: the server answered 404 Not Found
        fix: check the address"
    `);
    expect(await refusal(`${base}/cut`, { allowUrl })).toMatch(/^cannot read picture/);
    expect(await refusal('http://127.0.0.1:1/a.png', { allowUrl })).toContain('why: '); // 1 is never listened at
    expect(await refusal('http://', { allowUrl })).toContain('it is no valid address');
  });
  test('that sends too much is left, whether it tells the size or not', async () => {
    const small = { allowUrl: { maxBytes: 2000 } };
    expect(await refusal(`${base}/large`, small)).toMatchInlineSnapshot(`
      "cannot read picture http://SERVER/large
        why: it has 3000 bytes, the limit is 2000
        fix: give a smaller picture, or raise allowUrl.maxBytes"
    `);
    expect(await refusal(`${base}/endless`, small)).toContain('it has more than 2000 bytes, the limit');
    expect((await decodeImage(`${base}/columns.png`, small)).data).toEqual(PIXELS);
  });
  test('that is too slow is left; so it is on a signal', async () => {
    expect(await refusal(`${base}/slow`, { allowUrl: { timeout_s: 0.2 } })).toMatchInlineSnapshot(`
      "cannot read picture http://SERVER/slow
        why: the server did not send it within 0.2 s
        fix: try again, or raise allowUrl.timeout_s"
    `);
    const aborted = decodeImage(`${base}/slow`, { allowUrl, signal: AbortSignal.timeout(100) });
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  });
  test('may send us on, within limits; each address can be refused', async () => {
    expect((await decodeImage(`${base}/moved`, { allowUrl })).data).toEqual(PIXELS);
    expect(await refusal(`${base}/circle`, { allowUrl })).toContain('more than 5 times');
    expect(await refusal(`${base}/out`, { allowUrl })).toContain('the server sent us on to file:');
    const accept = (url: URL) => url.pathname !== '/columns.png';
    expect(await refusal(`${base}/moved`, { allowUrl: { accept } })).toContain('refused by allowUrl.accept');
  });
  test('takes headers and a login, and never shows it', async () => {
    asked.length = 0;
    const headers = { 'x-secret': 'yes' };
    const secret = base.replace('//', '//me:pass%20word@');
    await decodeImage(`${secret}/columns.png`, { allowUrl: { headers } });
    const authorization = `Basic ${Buffer.from('me:pass word').toString('base64')}`;
    expect(asked).toEqual([{ url: '/columns.png', authorization, secret: 'yes' }]);
    expect(await refusal(`${secret}/missing`, { allowUrl })).not.toContain('pass');
  });
  test('is listed as it stands, under the name of its file', async () => {
    const inputs = [
      'https://me:pass@host.example/a/cat.jpg?size=2',
      'https://host.example/',
      'http://h.example/..%2Fx',
    ];
    const { files } = await listInputs(inputs);
    expect(files.map(file => file.path)).toEqual([...inputs].sort());
    expect(outputStems(files).sort()).toEqual(['_x', 'cat', 'host']);
  });
});
