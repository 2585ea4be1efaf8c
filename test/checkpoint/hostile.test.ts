import { describe, expect, test } from 'vitest';
import { readBytes } from '../../src/checkpoint/read.ts';
import { bytesSource } from '../../src/checkpoint/source.ts';
import { craftCheckpoint, craftPickle, craftTensor, errorOf, openBytes, P } from './craft.ts';

const open = (pickle: Uint8Array) => openBytes(craftCheckpoint(pickle));
const tensor = craftTensor({});

test('the crafted checkpoint itself is valid', async () => {
  const { tensors } = await open(craftPickle({ w: tensor }));
  expect(tensors.get('w')).toMatchObject({ dtype: 'f32', shape: [4], contiguous: true, length: 16 });
});

describe('names outside the allow-list', () => {
  test('os.system, the classic, is named with its position', async () => {
    const pickle = Buffer.concat([
      P.proto,
      P.name('os', 'system'),
      P.mark,
      P.text('rm -rf /'),
      P.tuple,
      P.reduce,
      P.stop,
    ]);
    expect(await errorOf(open(pickle))).toMatchInlineSnapshot(`
      "BAD_CHECKPOINT: the pickle in crafted names os.system at byte 2
        why: only tensors and plain values are read; a name outside the allow-list may be an attack or a whole Python object, and nothing of it was run
        fix: if you trust the file, load it in Python and save only the tensors: torch.save(model.state_dict(), path)"
    `);
  });

  test.each([
    ['builtins', 'eval'],
    ['__builtin__', 'getattr'],
    ['torch', 'load'],
    ['torch.hub', 'load'],
    ['torch._utils', '_rebuild_tensor_v2\u0000'],
    ['numpy', 'load'],
    ['collections', '__class__'],
    ['torch', 'constructor'],
    ['torch', '__proto__'],
    ['', 'hasOwnProperty'],
  ])('%s.%s', async (module, name) => {
    const pickle = Buffer.concat([P.proto, P.name(module, name), P.stop]);
    expect(await errorOf(open(pickle))).toContain('at byte 2');
  });

  test('also by STACK_GLOBAL, and as the second value after an innocent one', async () => {
    const stackGlobal = Buffer.concat([P.text('posix'), P.text('system'), Buffer.from([0x93])]);
    expect(await errorOf(open(craftPickle({ w: tensor, x: stackGlobal })))).toContain('names posix.system at byte ');
  });

  test('a long or unprintable name is shortened in the message', async () => {
    const error = await errorOf(open(Buffer.concat([P.proto, P.name('\u001b[31m', 'x'.repeat(5000)), P.stop])));
    expect(error).not.toContain('\u001b');
    expect(error.length).toBeLessThan(600);
  });
});

describe('opcodes torch.save never writes', () => {
  test.each([
    ['INST', 0x69],
    ['OBJ', 0x6f],
    ['NEWOBJ_EX', 0x92],
    ['EXT1', 0x82],
    ['PERSID', 0x50],
    ['STRING', 0x53],
    ['INT', 0x49],
    ['DUP', 0x32],
    ['POP', 0x30],
    ['NEXT_BUFFER', 0x97],
  ])('%s', async (_, opcode) => {
    const pickle = Buffer.concat([P.proto, Buffer.from([opcode]), P.stop]);
    expect(await errorOf(open(pickle))).toContain(`pickle opcode 0x${opcode.toString(16)} at byte 2`);
  });
});

describe('broken pickles', () => {
  test.each([
    ['empty', Buffer.alloc(0), 'in the middle of a value'],
    ['without end', Buffer.concat([P.proto, P.dict]), 'in the middle of a value'],
    ['protocol 0', Buffer.from([0x80, 0, 0x2e]), 'its protocol is 0'],
    ['protocol 6', Buffer.from([0x80, 6, 0x2e]), 'its protocol is 6'],
    ['stop on an empty stack', Buffer.concat([P.proto, P.stop]), 'takes a value that is not there'],
    ['a text longer than the file', Buffer.from([0x80, 2, 0x58, 0xff, 0xff, 0xff, 0xff]), 'in the middle of a value'],
    ['a 2^63 byte text', Buffer.from([0x80, 2, 0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80]), 'in the middle of a value'],
    ['a huge integer', Buffer.concat([P.proto, Buffer.from([0x8a, 200]), Buffer.alloc(200)]), 'integer at byte 2'],
    ['recalling nothing', Buffer.concat([P.proto, P.get(9), P.stop]), 'recalls value 9'],
    ['closing nothing', Buffer.concat([P.proto, P.tuple, P.stop]), 'closes a group'],
    ['popping below a mark', Buffer.concat([P.proto, P.dict, P.mark, P.setItem, P.stop]), 'values that are not there'],
    ['calling a number', Buffer.concat([P.proto, P.int(1), P.mark, P.tuple, P.reduce]), 'not of a known name'],
    ['setting items of a number', Buffer.concat([P.proto, P.int(1), P.int(2), P.int(3), P.setItem]), 'not a dict'],
    ['a persistent id of another kind', Buffer.concat([P.proto, P.text('x'), P.persistent]), 'not described as torch'],
    ['a tensor without arguments', Buffer.concat([P.proto, P.name('torch._utils', '_rebuild_tensor_v2'), P.mark, P.tuple, P.reduce]), 'lacks arguments'], // biome-ignore format: one row
  ])('%s', async (_, pickle, text) => {
    const error = await errorOf(open(pickle));
    expect(error).toContain('the pickle in crafted cannot be read');
    expect(error).toContain(text);
  });
});

describe('bombs', () => {
  test('dicts that hold themselves', async () => {
    const pickle = Buffer.concat([P.proto, P.dict, P.put(0), P.text('again'), P.get(0), P.setItem, P.stop]);
    expect(await errorOf(open(pickle))).toContain('the dicts in crafted never end');
  });

  test('dicts that double at each level (2^30 paths from 1 kB)', async () => {
    const parts = [P.proto, P.dict, P.put(0)];
    for (let i = 1; i <= 30; i++)
      parts.push(P.dict, P.put(i), P.mark, P.text('a'), P.get(i - 1), P.text('b'), P.get(i - 1), P.setItems);
    const started = performance.now();
    expect(await errorOf(open(Buffer.concat([...parts, P.stop])))).toContain('the dicts in crafted never end');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test('containers without number', async () => {
    const pickle = Buffer.concat([P.proto, Buffer.alloc(3_000_000, '}'), P.stop]);
    expect(await errorOf(open(pickle))).toContain('builds more than 1048576 objects');
  });

  test('a long list copied over and over', async () => {
    const set = Buffer.concat([P.name('builtins', 'set'), P.mark, P.get(0), P.tuple, P.reduce]);
    const items = Buffer.alloc(20_000, 0x4e);
    const append = Buffer.from('e');
    const pickle = Buffer.concat([P.proto, P.list, P.put(0), P.mark, items, append, ...Array(100).fill(set), P.stop]);
    expect(await errorOf(open(pickle))).toContain('builds more than 1048576 objects');
  });

  test('operations without number', async () => {
    expect(await errorOf(open(Buffer.concat([P.proto, Buffer.alloc(9_000_000, 0x4e)])))).toContain(
      '8388608 operations',
    );
  });

  test('names without end', async () => {
    const pickle = craftPickle({ ['n'.repeat(5000)]: tensor });
    expect(await errorOf(open(pickle))).toContain('a name in them has more than 1024 letters');
  });
});

describe('tensors that do not fit their storage', () => {
  const MAX = Number.MAX_SAFE_INTEGER;
  test.each([
    ['beyond the storage', { shape: [5], elements: 5 }],
    ['from an offset beyond', { offset: 1, shape: [4] }],
    ['by strides', { shape: [2, 2], strides: [3, 1] }],
    ['beyond what the storage claims', { shape: [4], elements: 3 }],
    ['a storage that claims more than its record', { shape: [1], elements: 5 }],
    ['of 2^53 elements', { shape: [MAX], elements: MAX }],
    ['of 2^106 elements', { shape: [MAX, MAX], strides: [0, 0] }],
    ['of overflowing strides', { shape: [2], strides: [MAX] }],
    ['of negative size', { shape: [-1] }],
    ['of negative stride', { strides: [-1] }],
    ['of negative offset', { offset: -1 }],
    ['with a missing stride', { shape: [2, 2], strides: [1] }],
    ['of 100 axes', { shape: Array(100).fill(1), strides: Array(100).fill(1) }],
    ['repeated without end by stride 0', { shape: [1_000_000_000], strides: [0] }],
    ['of complex numbers', { storage: 'ComplexFloatStorage', shape: [1], elements: 1 }],
    ['in a record that is not there', { key: '7' }],
    ['in a record outside data/', { key: '../data.pkl' }],
  ])('%s', async (_, crafted) => {
    const error = await errorOf(open(craftPickle({ fine: tensor, 'blocks.3.weight': craftTensor(crafted) })));
    expect(error).toContain('tensor blocks.3.weight in crafted cannot be read');
  });

  test('a modest expansion is read', async () => {
    const file = craftCheckpoint(craftPickle({ w: craftTensor({ shape: [3, 4], strides: [0, 1] }) }));
    const { tensors } = await openBytes(file);
    const bytes = await readBytes(bytesSource(file, 'crafted'), file.length, tensors.get('w')!);
    expect([...new Float32Array(bytes.buffer)]).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
  });

  test('two nested dicts that give one dotted name', async () => {
    const inner = Buffer.concat([P.dict, P.text('b'), tensor, P.setItem]);
    expect(await errorOf(open(craftPickle({ a: inner, 'a.b': tensor })))).toContain('tensor a.b is in crafted twice');
  });

  test('no tensors at all', async () => {
    expect(await errorOf(open(craftPickle({ epoch: P.int(3) })))).toMatch(/holds no tensors\n.*only epoch/);
  });
});

test('a file that changed since it was opened is refused', async () => {
  const file = craftCheckpoint(craftPickle({ w: tensor }));
  const { tensors } = await openBytes(file);
  const longer = bytesSource(Buffer.concat([file, Buffer.alloc(1)]), 'crafted');
  expect(await errorOf(readBytes(longer, file.length, tensors.get('w')!))).toContain('changed while it was in use');
});
