/** Ranking by score: stable, so that ties keep input order everywhere in this room. */

const DIGIT = 11;
const BUCKETS = 1 << DIGIT;
const MASK = BUCKETS - 1;

/**
 * Bit patterns of `scores` mapped to unsigned integers whose ascending order is descending score.
 * -0 counts as 0.
 */
function descendingKeys(scores: Float32Array): Uint32Array {
  const keys = new Uint32Array(scores.length);
  const floats = new Float32Array(keys.buffer);
  for (let i = 0; i < keys.length; i++) floats[i] = scores[i] + 0;
  for (let i = 0; i < keys.length; i++) {
    const bits = keys[i];
    // Positive floats order like their bits, negative ones in reverse; then everything is flipped.
    keys[i] = bits >>> 31 ? bits : ~bits & 0x7fffffff;
  }
  return keys;
}

/**
 * Indices of `scores`, highest first; equal scores keep input order. Radix sort, O(n).
 * @param scores `[n]`, no NaN
 */
export function argsortDescending(scores: Float32Array): Int32Array {
  const n = scores.length;
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  if (n < 2) return order;
  const keys = descendingKeys(scores);
  if (n <= 24) return insertionSort(order, keys);

  // Short lists would spend their time on clearing and summing large histograms.
  const digit = n < 4096 ? 8 : DIGIT;
  const passes = Math.ceil(32 / digit);
  const buckets = 1 << digit;
  const mask = buckets - 1;
  const counts = new Uint32Array(passes * buckets);
  for (let i = 0; i < n; i++)
    for (let pass = 0; pass < passes; pass++) counts[pass * buckets + ((keys[i] >>> (pass * digit)) & mask)]++;
  let from = order;
  let to = new Int32Array(n);
  for (let pass = 0; pass < passes; pass++) {
    const base = pass * buckets;
    const shift = pass * digit;
    // A digit all keys share sorts nothing: scores in 0.5..1 have one exponent.
    if (counts[base + ((keys[0] >>> shift) & mask)] === n) continue;
    let at = 0;
    for (let b = base; b < base + buckets; b++) {
      const count = counts[b];
      counts[b] = at;
      at += count;
    }
    for (let i = 0; i < n; i++) {
      const index = from[i];
      to[counts[base + ((keys[index] >>> shift) & mask)]++] = index;
    }
    [from, to] = [to, from];
  }
  return from;
}

function insertionSort(order: Int32Array, keys: Uint32Array): Int32Array {
  for (let i = 1; i < order.length; i++) {
    const index = order[i];
    const key = keys[index];
    let j = i - 1;
    while (j >= 0 && keys[order[j]] > key) {
      order[j + 1] = order[j];
      j--;
    }
    order[j + 1] = index;
  }
  return order;
}

/**
 * Indices of the `k` highest scores, highest first; equal scores keep input order, also at the cut.
 * Selects by histogram and sorts only the selected.
 *
 * @param scores `[n]`, no NaN
 * @param k how many at most; Infinity for all
 */
export function topK(scores: Float32Array, k: number): Int32Array {
  const n = scores.length;
  if (k <= 0) return new Int32Array(0);
  if (n <= k) return argsortDescending(scores);
  const keys = descendingKeys(scores);
  const cut = kthKey(keys, k);
  const chosen = new Int32Array(k);
  let better = 0;
  for (let i = 0; i < n; i++) if (keys[i] < cut) better++;
  let ties = k - better;
  let at = 0;
  for (let i = 0; i < n; i++) if (keys[i] < cut || (keys[i] === cut && ties-- > 0)) chosen[at++] = i;
  const values = new Float32Array(k);
  for (let i = 0; i < k; i++) values[i] = scores[chosen[i]];
  return argsortDescending(values).map(i => chosen[i]);
}

/** The k-th smallest key (1-based), found digit by digit from the top. */
function kthKey(keys: Uint32Array, k: number): number {
  const counts = new Uint32Array(BUCKETS);
  let prefix = 0;
  let rest = k;
  for (let shift = 2 * DIGIT; shift >= 0; shift -= DIGIT) {
    counts.fill(0);
    const above = shift + DIGIT;
    for (let i = 0; i < keys.length; i++)
      // A shift by 32 or more is taken modulo 32 in JavaScript; the top digit has nothing above it.
      if (above >= 32 || keys[i] >>> above === prefix) counts[(keys[i] >>> shift) & MASK]++;
    let digit = 0;
    while (counts[digit] < rest) rest -= counts[digit++];
    prefix = ((prefix << DIGIT) | digit) >>> 0;
  }
  return prefix;
}
