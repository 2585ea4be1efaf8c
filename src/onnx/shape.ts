/**
 * Shapes with names. A dimension is a number, a symbol (`batch`), or a product (`4*batch`), kept in one canonical
 * spelling (coefficient, then symbols in order) so that equal dimensions are equal strings.
 */
import { fail } from '../core/index.ts';

export type Dim = number | string;
export type Shape = readonly Dim[];

interface Monomial {
  readonly factor: number;
  readonly symbols: readonly string[];
}

function parse(dim: Dim): Monomial {
  if (typeof dim === 'number') return { factor: dim, symbols: [] };
  const parts = dim.split('*');
  const numeric = /^\d+$/.test(parts[0]!);
  return { factor: numeric ? Number(parts[0]) : 1, symbols: numeric ? parts.slice(1) : parts };
}

function spell({ factor, symbols }: Monomial): Dim {
  if (symbols.length === 0 || factor === 0) return factor;
  const names = [...symbols].sort().join('*');
  return factor === 1 ? names : `${factor}*${names}`;
}

/** Product of dimensions; 1 for none. */
export function dimProduct(dims: Shape): Dim {
  const parts = dims.map(parse);
  return spell({ factor: parts.reduce((p, m) => p * m.factor, 1), symbols: parts.flatMap(m => m.symbols) });
}

/** `a / b`, or undefined when it does not come out even. */
export function dimQuotient(a: Dim, b: Dim): Dim | undefined {
  const top = parse(a);
  const below = parse(b);
  if (below.factor === 0) return undefined;
  const symbols = [...top.symbols];
  for (const s of below.symbols) {
    const i = symbols.indexOf(s);
    if (i < 0) return undefined;
    symbols.splice(i, 1);
  }
  return top.factor % below.factor === 0 ? spell({ factor: top.factor / below.factor, symbols }) : undefined;
}

/** Sum of dimensions; symbols that differ make a new symbol. */
export function dimSum(dims: Shape): Dim {
  const by = new Map<string, number>();
  for (const d of dims) {
    const m = parse(d);
    const key = [...m.symbols].sort().join('*');
    by.set(key, (by.get(key) ?? 0) + m.factor);
  }
  const terms = [...by].filter(([, n]) => n > 0);
  if (terms.length === 0) return 0;
  if (terms.length === 1) return spell({ factor: terms[0]![1], symbols: terms[0]![0] ? terms[0]![0].split('*') : [] });
  return terms.map(([s, n]) => (s ? (n === 1 ? s : `${n}.${s}`).replaceAll('*', '.') : String(n))).join('+'); // opaque from here on
}

/** `[2, batch]` as text. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/**
 * NumPy broadcasting of two shapes.
 * @throws {DenseError} BAD_INPUT when they do not fit
 */
export function broadcast(a: Shape, b: Shape, where: string): Dim[] {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x === y || y === 1) out.push(x);
    else if (x === 1) out.push(y);
    else
      fail(
        'BAD_INPUT',
        `${where}: shapes ${shapeText(a)} and ${shapeText(b)} do not broadcast`,
        `axis ${i} is ${x} against ${y}`,
        'make the two equal, or one of them 1',
      );
  }
  return out;
}

/**
 * Axis counted from the front.
 * @throws {DenseError} BAD_INPUT when out of range
 */
export function axisOf(axis: number, rank: number, where: string): number {
  const i = axis < 0 ? axis + rank : axis;
  if (i < 0 || i >= rank || !Number.isInteger(axis))
    fail(
      'BAD_INPUT',
      `${where}: axis ${axis} of a value of rank ${rank}`,
      'there is no such axis',
      `use ${-rank}..${rank - 1}`,
    );
  return i;
}

/** Output length of a convolution or pooling axis; a symbol stays opaque, named after the arithmetic. */
export function convDim(n: Dim, kernel: number, stride: number, before: number, after: number, dilation = 1): Dim {
  const reach = dilation * (kernel - 1) + 1;
  if (typeof n === 'number') return Math.floor((n + before + after - reach) / stride) + 1;
  return stride === 1 && before + after === reach - 1
    ? n
    : `(${n.replaceAll('*', '.')}+${before + after - reach})/${stride}+1`;
}
