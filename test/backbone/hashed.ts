/** Weights that are a function of their names: the same numbers as tools/golden/timm_backbones.py makes. */
import { type BackboneConfig, expectedTensors } from '../../src/backbone/index.ts';
import { sizeOf } from '../../src/core/index.ts';

function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193) >>> 0;
  return h;
}

/** murmur3's finaliser over a counter. */
function hash32(seed: number, i: number): number {
  let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** In [center - scale, center + scale). */
export function uniform(name: string, n: number, center = 0, scale = 1): Float32Array {
  const seed = fnv1a(name);
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = center + scale * (hash32(seed, i) / 2147483648 - 1);
  return out;
}

/** Where a golden sample lies in its tensor. */
export function samplePlaces(name: string, count: number, size: number): number[] {
  const seed = fnv1a(name);
  return Array.from({ length: count }, (_, i) => hash32(seed, i) % size);
}

export function hashed(name: string, shape: readonly number[]): Float32Array {
  const n = sizeOf(shape);
  if (name.endsWith('gamma')) return uniform(name, n, 0.1, 0.05);
  if (name.endsWith('.weight') && shape.length === 1) return uniform(name, n, 1, 0.25);
  if (name.endsWith('bias')) return uniform(name, n, 0, 0.1);
  if (name === 'proj') return uniform(name, n, 0, (3 / shape[0]!) ** 0.5);
  if (shape.length >= 2 && name.includes('weight')) return uniform(name, n, 0, (3 / (n / shape[0]!)) ** 0.5);
  return uniform(name, n, 0, 0.5);
}

/** Every tensor of a tower, in memory. */
export function hashedWeights(config: BackboneConfig): Map<string, { shape: readonly number[]; data: Float32Array }> {
  return new Map(expectedTensors(config).map(({ name, shape }) => [name, { shape, data: hashed(name, shape) }]));
}
