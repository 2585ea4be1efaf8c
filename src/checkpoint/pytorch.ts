import { fail, sizeOf } from '../core/index.ts';
import { bytesOf, formatShape, isContiguous, isShape, spanOf } from './layout.ts';
import { readPickle } from './pickle.ts';
import type { PickleValue } from './pickle-values.ts';
import { PickleDict, PickleGlobal, PickleList, PickleStorage, PickleTensor, PickleTuple } from './pickle-values.ts';
import { printable } from './show.ts';
import type { ByteSource } from './source.ts';
import type { Checkpoint, StoredDtype, StoredTensor } from './types.ts';
import { dataOffset, readZipIndex, type ZipEntry, type ZipIndex } from './zip.ts';

const MAX_PICKLE = 1 << 26;
const MAX_DEPTH = 32;
const MAX_VISITS = 1 << 20;
const MAX_NAME = 1024;
// an expanded tensor (stride 0) may be larger than its storage, but not without end
const MAX_EXPANDED = 1 << 24;

/** Where the tensors may lie below the top: the order of Meta's loader (pe.py load_ckpt), then detectron2, DETA, timm. */
const WRAPPERS = ['state_dict', 'weights', 'model'] as const;

const DTYPES: Readonly<Record<string, StoredDtype>> = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  int32: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint8: 'u8',
  bool: 'bool',
};

interface StorageRecord {
  readonly offset: number;
  readonly size: number;
}

/**
 * Opens what torch.save wrote (zip format, torch 1.6 and later): reads the zip's directory, the pickle and the records'
 * headers, never tensor data.
 * @throws {DenseError} BAD_CHECKPOINT naming the tensor or the record
 */
export async function openPytorch(source: ByteSource): Promise<Checkpoint> {
  const index = await readZipIndex(source);
  const prefix = archivePrefix(source, index);
  await checkByteOrder(source, index, prefix);
  const root = readPickle(await readRecord(source, index, `${prefix}data.pkl`, MAX_PICKLE), source.path);
  const { top, wrapper } = unwrap(root, source);
  const found = flatten(top, source);
  if (wrapper !== undefined && root instanceof PickleDict)
    for (const key of root.entries.keys()) if (key !== wrapper) found.skipped.push(labelOf(key));
  const storages = await locateStorages(source, index, prefix, found.tensors);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of found.tensors) tensors.set(name, describe(source, name, tensor, storages));
  return {
    path: source.path,
    format: 'pytorch',
    bytes: source.size,
    tensors,
    metadata: {},
    skipped: found.skipped,
    ...(wrapper === undefined ? {} : { wrapper }),
  };
}

/** Every record lies in one folder named after the file; torch takes the folder of `data.pkl`. */
function archivePrefix(source: ByteSource, index: ZipIndex): string {
  const pickles = [...index.entries.keys()].filter(name => /^[^/]*\/data\.pkl$/.test(name));
  const prefix = pickles[0]?.slice(0, -'data.pkl'.length);
  if (prefix === undefined || pickles.length > 1)
    fail(
      'BAD_CHECKPOINT',
      `${source.path} is a zip, but not a PyTorch checkpoint`,
      pickles.length > 1 ? 'it holds several data.pkl records' : 'it holds no data.pkl record',
      'name a file written by torch.save, or a .safetensors file',
    );
  if (index.entries.has(`${prefix}constants.pkl`))
    fail(
      'BAD_CHECKPOINT',
      `${source.path} is a TorchScript program`,
      'it holds code beside the weights, and code is never run here',
      'in Python: torch.save(torch.jit.load(path, map_location="cpu").state_dict(), "weights.pt")',
    );
  return prefix;
}

async function checkByteOrder(source: ByteSource, index: ZipIndex, prefix: string): Promise<void> {
  if (!index.entries.has(`${prefix}byteorder`)) return; // torch before 2.1: always the machine's, in practice little
  const order = Buffer.from(await readRecord(source, index, `${prefix}byteorder`, 64)).toString('latin1');
  if (order === 'little') return;
  fail(
    'BAD_CHECKPOINT',
    `${source.path} stores its numbers in byte order ${JSON.stringify(order)}`,
    'weights are read in place, so they must be little endian',
    'load it in Python on an ordinary (little endian) machine and write it with torch.save',
  );
}

async function readRecord(source: ByteSource, index: ZipIndex, name: string, limit: number): Promise<Uint8Array> {
  const entry = index.entries.get(name)!;
  const offset = await dataOffset(source, index, entry);
  if (entry.size > limit)
    fail(
      'BAD_CHECKPOINT',
      `record ${name} of ${source.path} has ${entry.size} bytes`,
      `it describes the tensors, and no more than ${limit} bytes are read for that`,
      'save only the state dict: torch.save(model.state_dict(), path)',
    );
  return source.read(offset, entry.size);
}

function unwrap(root: PickleValue, source: ByteSource): { top: PickleDict; wrapper?: string } {
  if (!(root instanceof PickleDict))
    fail(
      'BAD_CHECKPOINT',
      `${source.path} holds no dict of tensors`,
      `its top value is ${root instanceof PickleTensor ? 'one tensor without a name' : 'of another kind'}`,
      'save a state dict: torch.save(model.state_dict(), path)',
    );
  for (const wrapper of WRAPPERS) {
    const inner = root.get(wrapper);
    if (inner instanceof PickleDict) return { top: inner, wrapper };
  }
  return { top: root };
}

/** Tensors of nested dicts under dotted names, in file order. */
function flatten(top: PickleDict, source: ByteSource): { tensors: Map<string, PickleTensor>; skipped: string[] } {
  const tensors = new Map<string, PickleTensor>();
  const skipped: string[] = [];
  let visits = 0;
  const bomb = (why: string): never =>
    fail('BAD_CHECKPOINT', `the dicts in ${source.path} never end`, why, 'save only the state dict of the model');
  const walk = (dict: PickleDict, path: string, depth: number): void => {
    if (depth > MAX_DEPTH) bomb(`they lie more than ${MAX_DEPTH} deep`);
    for (const [key, value] of dict.entries) {
      // shared dicts may be visited many times over, so the count is of visits, not of values
      if (++visits > MAX_VISITS) bomb(`they hold more than ${MAX_VISITS} values`);
      const name = path === '' ? labelOf(key) : `${path}.${labelOf(key)}`;
      if (name.length > MAX_NAME) bomb(`a name in them has more than ${MAX_NAME} letters`);
      if (value instanceof PickleDict) walk(value, name, depth + 1);
      else if (!(value instanceof PickleTensor)) skipped.push(name);
      else if (tensors.has(name))
        fail(
          'BAD_CHECKPOINT',
          `tensor ${printable(name)} is in ${source.path} twice`,
          'two nested dicts give the same dotted name',
          'save one flat state dict',
        );
      else tensors.set(name, value);
    }
  };
  walk(top, '', 0);
  if (tensors.size === 0)
    fail(
      'BAD_CHECKPOINT',
      `${source.path} holds no tensors`,
      skipped.length > 0 ? `only ${skipped.slice(0, 5).map(printable).join(', ')}` : 'its dict is empty',
      'name the file with the weights; tensors may lie at the top or under state_dict, weights or model',
    );
  return { tensors, skipped };
}

function labelOf(key: PickleValue): string {
  if (typeof key === 'string') return key;
  return typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean' ? String(key) : '(key)';
}

/** Finds each storage's bytes in the file and checks that no two records share any. */
async function locateStorages(
  source: ByteSource,
  index: ZipIndex,
  prefix: string,
  tensors: ReadonlyMap<string, PickleTensor>,
): Promise<Map<string, StorageRecord>> {
  const entries = new Map<string, ZipEntry>();
  for (const [name, { storage }] of tensors) {
    if (!(storage instanceof PickleStorage)) badTensor(source, name, 'it has no storage of its own');
    const record = `data/${storage.key}`;
    const entry = index.entries.get(`${prefix}${record}`);
    if (entry === undefined)
      badTensor(source, name, `its data should be record ${printable(record)}, which is not in the file`);
    entries.set(storage.key, entry);
  }
  const storages = new Map<string, StorageRecord>();
  for (const [key, entry] of entries)
    storages.set(key, { offset: await dataOffset(source, index, entry), size: entry.size });
  const ordered = [...storages].sort(([, a], [, b]) => a.offset - b.offset);
  for (let i = 1; i < ordered.length; i++) {
    const [before, a] = ordered[i - 1]!;
    const [after, b] = ordered[i]!;
    if (a.offset + a.size > b.offset)
      fail(
        'BAD_CHECKPOINT',
        `records data/${before} and data/${after} of ${source.path} overlap`,
        'torch.save writes each storage once, one after the other',
        'fetch the file again from its origin',
      );
  }
  return storages;
}

function describe(
  source: ByteSource,
  name: string,
  tensor: PickleTensor,
  storages: ReadonlyMap<string, StorageRecord>,
): StoredTensor {
  const storage = tensor.storage as PickleStorage;
  const record = storages.get(storage.key)!;
  const torchDtype = torchDtypeOf(tensor, storage);
  const dtype = Object.hasOwn(DTYPES, torchDtype) ? DTYPES[torchDtype] : undefined;
  if (dtype === undefined)
    badTensor(source, name, `its elements are ${torchDtype}; read are ${Object.keys(DTYPES).join(', ')}`);
  const shape = itemsOf(tensor.shape);
  const strides = itemsOf(tensor.strides);
  const start = tensor.offset;
  if (!isShape(shape)) badTensor(source, name, 'its shape is not a list of sizes');
  if (!strides.every(isCount) || strides.length !== shape.length)
    badTensor(source, name, `its ${shape.length} axes have no valid strides`);
  if (!isCount(start)) badTensor(source, name, 'its place in its storage is not a number');
  const span = spanOf(shape, strides);
  // an untyped storage counts bytes
  const claimed = storage.element === 'bytes' ? storage.elements : bytesOf(dtype, storage.elements);
  const available = Math.min(record.size, claimed);
  const end = bytesOf(dtype, start + span);
  if (!(claimed <= record.size) || !(end <= available))
    badTensor(
      source,
      name,
      `shape ${formatShape(shape)} of ${dtype} from element ${start} ends at byte ${Math.max(end, claimed)} of its ` +
        `storage, and record ${printable(`data/${storage.key}`)} has ${record.size}`,
    );
  if (sizeOf(shape) > Math.max(MAX_EXPANDED, available))
    badTensor(source, name, `shape ${formatShape(shape)} repeats ${available} bytes without end`);
  return {
    name,
    dtype,
    shape,
    strides,
    contiguous: isContiguous(shape, strides),
    offset: record.offset + bytesOf(dtype, start),
    length: bytesOf(dtype, span),
  };
}

function torchDtypeOf(tensor: PickleTensor, storage: PickleStorage): string {
  const { dtype } = tensor;
  if (dtype === undefined) return storage.element;
  return dtype instanceof PickleGlobal && typeof dtype.rule === 'object' && 'dtype' in dtype.rule
    ? dtype.rule.dtype
    : 'unknown';
}

function itemsOf(value: PickleValue): readonly PickleValue[] {
  return value instanceof PickleTuple || value instanceof PickleList ? value.items : [null];
}

function isCount(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function badTensor(source: ByteSource, name: string, why: string): never {
  fail(
    'BAD_CHECKPOINT',
    `tensor ${printable(name)} in ${source.path} cannot be read`,
    why,
    'fetch the file again; if it is whole, save it again with torch.save(state_dict, path)',
  );
}
