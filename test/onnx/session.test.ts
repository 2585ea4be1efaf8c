import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availableDevices, GraphBuilder, readModel, Session, weightRows } from '../../src/onnx/index.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pe-dense-session-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const W = Float32Array.from({ length: 12 }, (_, i) => (i - 5) / 3); // [3, 4]

/** y = x Wt with W at an odd offset of a file. */
async function inFile(name: string, offset: number, dtype: 'float32' | 'float16' = 'float32') {
  const at = join(folder, name);
  await mkdir(at, { recursive: true });
  const path = join(at, 'weights.bin');
  // float16 of 1, 2, 3 ... by hand: exponents 15 to 18
  const half = Uint16Array.of(
    0x3c00,
    0x4000,
    0x4200,
    0x4400,
    0x4500,
    0x4600,
    0x4700,
    0x4800,
    0x4880,
    0x4900,
    0x4980,
    0x4a00,
  );
  const bytes = dtype === 'float32' ? new Uint8Array(W.buffer) : new Uint8Array(half.buffer);
  await writeFile(path, Buffer.concat([Buffer.alloc(offset, 7), bytes, Buffer.alloc(5, 9)]));
  return { shape: [3, 4], dtype, path, offset, length: bytes.length };
}

function linear(source: Parameters<GraphBuilder['weight']>[1], weights: 'external' | 'inline') {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 4]);
  b.output('y', b.linear(x, b.weight('w', source)));
  return b.build({ weights });
}

const x = { dims: [2, 4], data: Float32Array.of(1, 0, 0, 0, 0.5, -1, 2, 3) };
function expected(w: ArrayLike<number>): number[] {
  const out: number[] = [];
  for (let row = 0; row < 2; row++)
    for (let o = 0; o < 3; o++) {
      let sum = 0;
      for (let i = 0; i < 4; i++) sum += x.data[row * 4 + i]! * w[o * 4 + i]!;
      out.push(sum);
    }
  return out;
}
function close(a: ArrayLike<number>, b: readonly number[]) {
  expect(a.length).toBe(b.length);
  b.forEach((v, i) => {
    expect(a[i]).toBeCloseTo(v, 5);
  });
}

describe('weights outside the graph', () => {
  test.each(['link', 'chdir', 'auto'] as const)('found by %s, nothing left behind', async placement => {
    const source = await inFile(`far-${placement}`, 4096);
    const graph = linear(source, 'external');
    expect(graph.externalFiles).toEqual([source.path]);
    expect(graph.bytes.length).toBeLessThan(500);
    const cache = join(folder, `cache-${placement}`);
    const here = process.cwd();
    const session = await Session.open(graph, { placement, cache, lowMemory: true });
    expect(process.cwd()).toBe(here);
    close((await session.run({ x })).y!.data as Float32Array, expected(W));
    await session.close();
    expect(await readdir(join(folder, `far-${placement}`))).toEqual(['weights.bin']);
    if (placement !== 'chdir') expect(await readdir(cache)).toEqual([]);
  });

  test('a cache that cannot be written falls back to the working directory', async () => {
    const cache = join(folder, 'a-file');
    await writeFile(cache, 'not a folder');
    const session = await Session.open(linear(await inFile('ro', 64), 'external'), { cache });
    close((await session.run({ x })).y!.data as Float32Array, expected(W));
    await session.close();
    await expect(
      Session.open(linear(await inFile('ro', 64), 'external'), { cache, placement: 'link' }),
    ).rejects.toThrow(/PE_DENSE_CACHE/);
  });

  test('sessions opened at once do not disturb each other', async () => {
    const graphs = await Promise.all([1, 2, 3].map(async i => linear(await inFile(`many-${i}`, 64 * i), 'external')));
    const sessions = await Promise.all(graphs.map(g => Session.open(g, { placement: 'chdir' })));
    for (const s of sessions) close((await s.run({ x })).y!.data as Float32Array, expected(W));
    await Promise.all(sessions.map(s => s.close()));
  });

  test.each([3, 64])('offset %i and float16 weights give the same numbers as memory', async offset => {
    const halves = Array.from({ length: 12 }, (_, i) => i + 1);
    for (const weights of ['external', 'inline'] as const) {
      const single = await Session.open(linear(await inFile(`odd-${offset}`, offset), weights));
      close((await single.run({ x })).y!.data as Float32Array, expected(W));
      await single.close();
      const half = await Session.open(linear(await inFile(`half-${offset}`, offset, 'float16'), weights));
      close((await half.run({ x })).y!.data as Float32Array, expected(halves));
      await half.close();
    }
  });

  test('rows of a weight stay in place', async () => {
    const source = await inFile('rows', 128);
    const b = new GraphBuilder();
    b.output('y', b.linear(b.input('x', 'float32', ['batch', 4]), b.weight('w.rows', weightRows(source, 1, 3))));
    const graph = b.build({ weights: 'external' });
    expect(readModel(graph.bytes).weights[0]).toEqual({
      name: 'w.rows',
      dtype: 'float32',
      shape: [2, 4],
      bytes: 0,
      external: { location: 'weights.bin', offset: 144, length: 32 },
    });
    const session = await Session.open(graph);
    const all = expected(W);
    close((await session.run({ x })).y!.data as Float32Array, [all[1]!, all[2]!, all[4]!, all[5]!]);
    await session.close();
  });
});

describe('Session', () => {
  const simple = () => linear({ shape: [3, 4], data: W }, 'inline');

  test('many runs at once come back in order, two sessions side by side', async () => {
    const [a, b] = await Promise.all([Session.open(simple(), { threads: 1 }), Session.open(simple(), { threads: 1 })]);
    const order: number[] = [];
    const runs = Array.from({ length: 12 }, (_, i) =>
      (i % 2 ? a : b).run({ x: { dims: [1, 4], data: Float32Array.of(i, 0, 0, 0) } }).then(out => {
        if (i % 2) order.push(i);
        close(out.y!.data as Float32Array, [(i * -5) / 3, (i * -1) / 3, i]);
      }),
    );
    expect(a.pending).toBe(6);
    await Promise.all(runs);
    expect(order).toEqual([1, 3, 5, 7, 9, 11]);
    await Promise.all([a.close(), b.close()]);
  });

  test('the event loop stays awake during a run', async () => {
    const b = new GraphBuilder();
    const v = b.input('x', 'float32', [700, 700]);
    let y = v;
    for (let i = 0; i < 60; i++) y = b.softmax(b.matmul(y, v));
    b.output('y', y);
    const session = await Session.open(b.build(), { threads: 1 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 2);
    await session.run({ x: { dims: [700, 700], data: new Float32Array(490_000).fill(0.01) } });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    await session.close();
  });

  test('wrong feeds are told: name, type, axes', async () => {
    const session = await Session.open(simple());
    const data = new Float32Array(4);
    await expect(session.run({})).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: input "x" is missing
        why: the network needs it
        fix: pass float32 [batch, 4]]
    `);
    await expect(session.run({ x: { dims: [1, 5], data } })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [DenseError: input "x" got Float32Array [1, 5]
        why: axis 1 must be 4, it is 5
        fix: pass float32 [batch, 4]]
    `);
    await expect(session.run({ x: { dims: [1, 4], data: new Int32Array(4) } })).rejects.toThrow(
      /travels in a Float32Array/,
    );
    await expect(session.run({ x: { dims: [4], data } })).rejects.toThrow(/2 axes, 1 came/);
    await expect(session.run({ x: { dims: [2, 4], data } })).rejects.toThrow(/8 values, 4 came/);
    await expect(session.run({ x, z: x })).rejects.toThrow(/it takes: x/);
    await expect(session.run({ x }, { outputs: ['nope'] })).rejects.toThrow(/it has: y/);
    await session.close();
  });

  test('an aborted run rejects, and later runs go on', async () => {
    const session = await Session.open(simple());
    const stop = new AbortController();
    const runs = Array.from({ length: 5 }, () => session.run({ x }, { signal: stop.signal }));
    const after = session.run({ x });
    stop.abort();
    for (const r of await Promise.allSettled(runs))
      expect(r).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED' } });
    close((await after).y!.data as Float32Array, expected(W));
    await expect(session.run({ x }, { signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await session.close();
  });

  test('a full queue refuses, a closed session rejects', async () => {
    const session = await Session.open(simple(), { maxWaiting: 1 });
    const runs = [1, 2, 3].map(() => session.run({ x }));
    await expect(session.run({ x })).rejects.toThrow(/1 are waiting already/);
    await Promise.all(runs);
    const last = session.run({ x });
    const closing = session.close();
    await expect(last).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await closing;
    await expect(session.run({ x })).rejects.toThrow(/closed/);
  });

  test('devices that are not here are UNAVAILABLE, with those that are', async () => {
    expect(availableDevices()).toContain('cpu');
    const absent = process.platform === 'darwin' ? 'dml' : 'coreml';
    await expect(Session.open(simple(), { device: absent })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      detail: { fix: expect.stringContaining('cpu') },
    });
  });

  test('what is no model is BAD_MODEL; what onnxruntime refuses too', async () => {
    await expect(Session.open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'BAD_MODEL' });
    await expect(Session.open(join(folder, 'none.onnx'))).rejects.toThrow(/cannot load .*none.onnx/);
    const b = new GraphBuilder();
    b.output('y', b.op('NoSuchOperator', [b.input('x', 'float32', [1])], [{ dtype: 'float32', shape: [1] }])[0]!);
    await expect(Session.open(b.build())).rejects.toThrow(/NoSuchOperator/);
  });
});

/** Opens a session, runs it, and leaves without closing: the process must end by itself. */
const SCRIPT = (entry: string) => `
import { GraphBuilder, Session } from ${JSON.stringify(entry)};
const b = new GraphBuilder();
b.output('y', b.relu(b.input('x', 'float32', ['n'])));
const session = await Session.open(b.build());
const { y } = await session.run({ x: { dims: [2], data: Float32Array.of(-1, 2) } });
console.log(JSON.stringify([...y.data]));
`;

describe('the worker starts', () => {
  test('from sources, under tsx', async () => {
    const script = join(folder, 'source.mjs');
    await writeFile(script, SCRIPT(pathToFileURL(join(root, 'src/onnx/index.ts')).href));
    const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
    const { stdout, stderr } = await run(process.execPath, ['--import', tsx, script], { cwd: root, timeout: 30_000 });
    expect({ stdout, stderr }).toEqual({ stdout: '[0,2]\n', stderr: '' });
  });

  test('from compiled JavaScript, without tsx', async () => {
    const out = join(folder, 'dist');
    for (const room of ['core', 'onnx']) {
      await mkdir(join(out, room), { recursive: true });
      for (const file of await readdir(join(root, 'src', room))) {
        const { outputText } = ts.transpileModule(await readFile(join(root, 'src', room, file), 'utf8'), {
          compilerOptions: {
            module: ts.ModuleKind.ESNext,
            target: ts.ScriptTarget.ES2023,
            rewriteRelativeImportExtensions: true,
            verbatimModuleSyntax: true,
          },
        });
        await writeFile(join(out, room, file.replace(/\.ts$/, '.js')), outputText);
      }
    }
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await mkdir(join(folder, 'node_modules'));
    for (const name of ['onnxruntime-node', 'onnxruntime-common'])
      await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
    await writeFile(join(folder, 'built.mjs'), SCRIPT('./dist/onnx/index.js'));
    await chmod(join(folder, 'built.mjs'), 0o644);
    const { stdout, stderr } = await run(process.execPath, ['built.mjs'], { cwd: folder, timeout: 30_000 });
    expect({ stdout, stderr }).toEqual({ stdout: '[0,2]\n', stderr: '' });
  });
});

test('closing in the middle of a run leaves the process alive', { timeout: 180_000 }, async () => {
  // in a process of its own: what this guards against is an abort of the whole process
  const script = `
    const { GraphBuilder, Session } = await import(${JSON.stringify(pathToFileURL(join(root, 'src/onnx/index.ts')).href)});
    const b = new GraphBuilder();
    let x = b.input('x', 'float32', ['batch', 256, 256]);
    const w = b.constant(new Float32Array(65536).fill(0.01), [256, 256]);
    for (let i = 0; i < 12; i++) x = b.relu(b.matmul(x, w));
    b.output('y', x);
    const graph = b.build();
    let rejected = 0;
    for (let i = 0; i < 12; i++) {
      const session = await Session.open(graph);
      session.run({ x: { dims: [4, 256, 256], data: new Float32Array(262144).fill(0.5) } }).catch(() => rejected++);
      await new Promise(resolve => setTimeout(resolve, i % 6));
      await session.close();
    }
    console.log(rejected > 0 ? 'closed' : 'never in the middle');`;
  const file = join(folder, 'busy.mjs');
  await writeFile(file, script);
  const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
  const { stdout, stderr } = await run(process.execPath, ['--import', tsx, file], { cwd: root });
  expect({ stdout, stderr }).toEqual({ stdout: 'closed\n', stderr: '' });
});
