/**
 * Half and bfloat16 conversion, bit exact with NumPy's (golden: test/golden/checkpoints/half.json).
 * All routines work on bit patterns, so infinities, NaN payloads and subnormals survive.
 */

/** Widens IEEE half bits to float32; exact. */
export function float32FromFloat16(half: Uint16Array): Float32Array {
  const out = new Uint32Array(half.length);
  for (let i = 0; i < half.length; i++) out[i] = widenHalf(half[i]!);
  return new Float32Array(out.buffer);
}

/** Rounds float32 to half bits: nearest, ties to even; beyond 65519.99 to infinity, below 2^-25 to zero. */
export function float16FromFloat32(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) out[i] = narrowToHalf(bits[i]!);
  return out;
}

/** Widens bfloat16 bits to float32; exact. */
export function float32FromBfloat16(brain: Uint16Array): Float32Array {
  const out = new Uint32Array(brain.length);
  for (let i = 0; i < brain.length; i++) out[i] = brain[i]! << 16;
  return new Float32Array(out.buffer);
}

function widenHalf(h: number): number {
  const sign = (h & 0x8000) << 16;
  const exponent = (h >>> 10) & 0x1f;
  const fraction = h & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0; // bias 15 -> 127
  if (fraction === 0) return sign >>> 0;
  const shift = Math.clz32(fraction) - 21; // subnormal: moves the leading one to bit 10
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)) >>> 0;
}

function narrowToHalf(f: number): number {
  const sign = (f >>> 16) & 0x8000;
  const magnitude = f & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    const payload = (magnitude >>> 13) & 0x3ff;
    return sign | 0x7c00 | (payload || 1); // a NaN whose payload lies below stays a NaN
  }
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and more, infinity included
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - 0x38000000; // exponent bias 127 -> 15, a carry of the rounding runs into it rightly
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign; // 2^-25 is the tie between 0 and the smallest half: even is 0
  const exponent = magnitude >>> 23;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent; // 14..24: significand * 2^(exponent - 150) counted in units of 2^-24
  const kept = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const halfway = 1 << (shift - 1);
  return sign | (kept + (rest > halfway || (rest === halfway && kept & 1) ? 1 : 0));
}
