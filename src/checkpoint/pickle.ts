import { fail } from '../core/index.ts';
import { ruleOf } from './pickle-names.ts';
import {
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleOpaque,
  PickleStorage,
  PickleTensor,
  PickleTuple,
  type PickleValue,
} from './pickle-values.ts';
import { printable } from './show.ts';

// a detector with its optimizer needs about 200,000 operations and 20,000 containers
const MAX_OPERATIONS = 1 << 23;
const MAX_CONTAINERS = 1 << 20;
const MAX_INTEGER_BYTES = 64;

/**
 * Reads a pickle (protocols 2 to 5) into inert values. Not an unpickler: opcodes outside what torch.save writes and
 * names outside the allow-list end it with an error, no object is constructed, nothing is called. Work and memory are
 * bounded by the length of the pickle and by fixed limits.
 *
 * @param bytes the whole pickle
 * @param path  file it comes from, for messages
 * @throws {DenseError} BAD_CHECKPOINT naming the opcode or `module.name` and its position
 * @see torch/_weights_only_unpickler.py for the opcodes torch itself considers safe
 */
export function readPickle(bytes: Uint8Array, path: string): PickleValue {
  return new PickleReader(bytes, path).run();
}

class PickleReader {
  static readonly operations: ReadonlyMap<number, (r: PickleReader) => void> = new Map([
    [0x80, r => r.protocol(r.u8())], // PROTO
    [0x95, r => void r.take(8)], // FRAME: a hint for streaming readers

    [0x4e, r => r.push(null)], // NONE
    [0x88, r => r.push(true)], // NEWTRUE
    [0x89, r => r.push(false)], // NEWFALSE
    [0x4b, r => r.push(r.u8())], // BININT1
    [0x4d, r => r.push(r.view.getUint16(r.take(2), true))], // BININT2
    [0x4a, r => r.push(r.view.getInt32(r.take(4), true))], // BININT
    [0x8a, r => r.push(r.integer(r.u8()))], // LONG1
    [0x8b, r => r.push(r.integer(r.u32()))], // LONG4
    [0x47, r => r.push(r.view.getFloat64(r.take(8), false))], // BINFLOAT

    [0x8c, r => r.push(r.text(r.u8()))], // SHORT_BINUNICODE
    [0x58, r => r.push(r.text(r.u32()))], // BINUNICODE
    [0x8d, r => r.push(r.text(r.u64()))], // BINUNICODE8
    [0x55, r => r.push(r.text(r.u8()))], // SHORT_BINSTRING
    [0x54, r => r.push(r.text(r.u32()))], // BINSTRING
    [0x43, r => r.push(r.container(r.slice(r.u8())))], // SHORT_BINBYTES
    [0x42, r => r.push(r.container(r.slice(r.u32())))], // BINBYTES
    [0x8e, r => r.push(r.container(r.slice(r.u64())))], // BINBYTES8
    [0x96, r => r.push(r.container(r.slice(r.u64())))], // BYTEARRAY8

    [0x28, r => void r.marks.push(r.stack.length)], // MARK
    [0x29, r => r.pushTuple([])], // EMPTY_TUPLE
    [0x85, r => r.pushTuple([r.pop()])], // TUPLE1
    [0x86, r => r.pushTuple(r.popMany(2))], // TUPLE2
    [0x87, r => r.pushTuple(r.popMany(3))], // TUPLE3
    [0x74, r => r.pushTuple(r.popMark())], // TUPLE
    [0x5d, r => r.push(r.container(new PickleList()))], // EMPTY_LIST
    [0x8f, r => r.push(r.container(new PickleList()))], // EMPTY_SET
    [0x91, r => r.push(r.container(listOf(r.popMark())))], // FROZENSET
    [0x61, r => r.append([r.pop()])], // APPEND
    [0x65, r => r.append(r.popMark())], // APPENDS
    [0x90, r => r.append(r.popMark())], // ADDITEMS
    [0x7d, r => r.push(r.container(new PickleDict()))], // EMPTY_DICT
    [0x73, r => r.setItems(r.popMany(2))], // SETITEM
    [0x75, r => r.setItems(r.popMark())], // SETITEMS

    [0x71, r => r.keep(r.u8())], // BINPUT
    [0x72, r => r.keep(r.u32())], // LONG_BINPUT
    [0x94, r => r.keep(r.memo.size)], // MEMOIZE
    [0x68, r => r.recall(r.u8())], // BINGET
    [0x6a, r => r.recall(r.u32())], // LONG_BINGET

    [0x63, r => r.global(r.line(), r.line())], // GLOBAL
    [0x93, r => r.stackGlobal(r.popMany(2))], // STACK_GLOBAL
    [0x51, r => r.persistent(r.pop())], // BINPERSID
    [0x52, r => r.call(r.popMany(2))], // REDUCE
    [0x81, r => r.call(r.popMany(2))], // NEWOBJ
    [0x62, r => r.build(r.pop())], // BUILD
  ]);

  private at = 0;
  private opcodeAt = 0;
  private containers = 0;
  private stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly path: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleValue {
    for (let n = 0; n < MAX_OPERATIONS; n++) {
      this.opcodeAt = this.at;
      const opcode = this.bytes[this.take(1)]!;
      if (opcode === 0x2e /* STOP */) return this.pop();
      const operation = PickleReader.operations.get(opcode);
      if (operation === undefined) this.unknown(opcode);
      else operation(this);
    }
    return this.broken(`it has more than ${MAX_OPERATIONS} operations`);
  }

  private unknown(opcode: number): never {
    fail(
      'BAD_CHECKPOINT',
      `${this.path} holds pickle opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${this.opcodeAt}`,
      'torch.save never writes it for tensors: the pickle is damaged or hostile, and nothing of it was run',
      'get the file from its origin again, or ask for a .safetensors file',
    );
  }

  private stackGlobal([module, name]: PickleValue[]): void {
    if (typeof module !== 'string' || typeof name !== 'string') this.broken('a name on its stack is not text');
    this.global(module, name);
  }

  private call([callee, args]: PickleValue[]): void {
    this.push(this.reduce(callee!, args!));
  }

  private keep(index: number): void {
    this.memo.set(index, this.peek());
  }

  private protocol(version: number): void {
    if (version >= 2 && version <= 5) return;
    this.broken(`its protocol is ${version}, and torch.save writes 2 to 5`);
  }

  private global(module: string, name: string): void {
    const rule = ruleOf(module, name);
    if (rule === undefined)
      fail(
        'BAD_CHECKPOINT',
        `the pickle in ${this.path} names ${printable(`${module}.${name}`)} at byte ${this.opcodeAt}`,
        'only tensors and plain values are read; a name outside the allow-list may be an attack or a whole Python ' +
          'object, and nothing of it was run',
        'if you trust the file, load it in Python and save only the tensors: torch.save(model.state_dict(), path)',
      );
    this.push(this.container(new PickleGlobal(`${module}.${name}`, rule)));
  }

  /** torch's persistent id: ('storage', storage class, key, location, number of elements). */
  private persistent(id: PickleValue): void {
    const items = id instanceof PickleTuple ? id.items : [];
    const [kind, type, key, , elements] = items;
    const rule = type instanceof PickleGlobal ? type.rule : undefined;
    const element = typeof rule === 'object' && rule !== null && 'element' in rule ? rule.element : undefined;
    if (kind !== 'storage' || element === undefined || typeof key !== 'string' || typeof elements !== 'number')
      this.broken(`the storage at byte ${this.opcodeAt} is not described as torch describes one`);
    this.push(this.container(new PickleStorage(key, element, elements)));
  }

  private reduce(callee: PickleValue, args: PickleValue): PickleValue {
    if (!(callee instanceof PickleGlobal) || !(args instanceof PickleTuple))
      return this.broken(`the call at byte ${this.opcodeAt} is not of a known name`);
    const rule = callee.rule;
    const [first, second, third, fourth] = args.items;
    switch (rule) {
      case 'dict': {
        const dict = this.container(new PickleDict());
        // OrderedDict([[key, value], ...]) and Counter({...})
        if (first instanceof PickleDict) for (const [key, value] of first.entries) dict.entries.set(key, value);
        else if (first instanceof PickleList)
          for (const pair of first.items) {
            const items = pair instanceof PickleTuple || pair instanceof PickleList ? pair.items : [];
            if (items.length !== 2) return this.broken(`a pair at byte ${this.opcodeAt} has ${items.length} items`);
            dict.entries.set(items[0]!, items[1]!);
          }
        this.charge(dict.entries.size);
        return dict;
      }
      case 'object':
        return this.container(new PickleDict(true));
      case 'list':
        this.charge(first instanceof PickleList ? first.items.length : 0);
        return this.container(listOf(first instanceof PickleList ? first.items : []));
      case 'tuple':
        return first instanceof PickleTuple ? first : this.broken(`torch.Size at byte ${this.opcodeAt} has no tuple`);
      case 'tensor':
      case 'tensor-with-dtype': {
        const needed = rule === 'tensor' ? 4 : 7;
        if (args.items.length < needed) return this.broken(`a tensor at byte ${this.opcodeAt} lacks arguments`);
        const dtype = rule === 'tensor' ? [] : [args.items[6]!];
        return this.container(new PickleTensor(first!, second!, third!, fourth!, ...dtype));
      }
      case 'first-argument':
        return first ?? this.broken(`a parameter at byte ${this.opcodeAt} is empty`);
      case 'rebuild-from-type':
        // (rebuild function, class, its arguments, attributes): the class is dropped, the tensor stays
        return first instanceof PickleGlobal && first.rule !== 'rebuild-from-type' && third !== undefined
          ? this.reduce(first, third)
          : this.broken(`a tensor at byte ${this.opcodeAt} is built in an unknown way`);
      default:
        return this.container(new PickleOpaque(callee.name));
    }
  }

  private build(state: PickleValue): void {
    const target = this.peek();
    if (target instanceof PickleDict && target.isObject && state instanceof PickleDict) {
      this.charge(state.entries.size);
      for (const [key, value] of state.entries) target.entries.set(key, value);
    }
  }

  private append(items: readonly PickleValue[]): void {
    const target = this.peek();
    if (!(target instanceof PickleList)) this.broken(`byte ${this.opcodeAt} appends to what is not a list`);
    for (const item of items) target.items.push(item);
  }

  private setItems(items: readonly PickleValue[]): void {
    const target = this.peek();
    if (!(target instanceof PickleDict) || items.length % 2 !== 0)
      this.broken(`byte ${this.opcodeAt} sets items of what is not a dict`);
    for (let i = 0; i < items.length; i += 2) target.entries.set(items[i]!, items[i + 1]!);
  }

  private recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) this.broken(`byte ${this.opcodeAt} recalls value ${index}, which was never kept`);
    this.push(value);
  }

  private push(value: PickleValue): void {
    this.stack.push(value);
  }

  private pushTuple(items: PickleValue[]): void {
    this.push(this.container(new PickleTuple(items)));
  }

  private floor(): number {
    return this.marks.at(-1) ?? 0;
  }

  private peek(): PickleValue {
    if (this.stack.length <= this.floor()) this.broken(`byte ${this.opcodeAt} takes a value that is not there`);
    return this.stack.at(-1)!;
  }

  private pop(): PickleValue {
    const value = this.peek();
    this.stack.pop();
    return value;
  }

  private popMany(n: number): PickleValue[] {
    if (this.stack.length - n < this.floor()) this.broken(`byte ${this.opcodeAt} takes values that are not there`);
    return this.stack.splice(this.stack.length - n, n);
  }

  private popMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) return this.broken(`byte ${this.opcodeAt} closes a group that was never opened`);
    return this.stack.splice(mark);
  }

  private container<T extends PickleValue>(value: T): T {
    this.charge(1);
    return value;
  }

  /** Counts objects and copied items, so that a small pickle cannot ask for endless memory. */
  private charge(n: number): void {
    this.containers += n;
    if (this.containers > MAX_CONTAINERS) this.broken(`it builds more than ${MAX_CONTAINERS} objects`);
  }

  private take(n: number): number {
    const from = this.at;
    if (n > this.bytes.length - from) this.broken(`it ends at byte ${this.bytes.length} in the middle of a value`);
    this.at = from + n;
    return from;
  }

  private u8(): number {
    return this.bytes[this.take(1)]!;
  }

  private u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  private u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  private slice(n: number): Uint8Array {
    const from = this.take(n);
    return this.bytes.subarray(from, from + n);
  }

  private text(n: number): string {
    return Buffer.from(this.slice(n)).toString('utf8');
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) return this.broken(`the name at byte ${this.opcodeAt} has no end`);
    const text = this.text(end - this.at);
    this.take(1);
    return text;
  }

  /** Two's complement, little endian. */
  private integer(n: number): number | bigint {
    if (n > MAX_INTEGER_BYTES) return this.broken(`the integer at byte ${this.opcodeAt} has ${n} bytes`);
    const bytes = this.slice(n);
    let value = 0n;
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    value = BigInt.asIntN(8 * n, value);
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  private broken(why: string): never {
    fail(
      'BAD_CHECKPOINT',
      `the pickle in ${this.path} cannot be read`,
      why,
      'fetch the file again; if it is whole, save it again with torch.save(state_dict, path)',
    );
  }
}

function listOf(items: readonly PickleValue[]): PickleList {
  const list = new PickleList();
  for (const item of items) list.items.push(item);
  return list;
}
