/**
 * Indices of the objects whose image and category are both chosen, sorted by category, then image, then place in the file.
 *
 * @param imageRank and `categoryRank`: place of each image or category in the evaluation, -1 when left out
 * @param keep optional filter per object
 */
export function orderByCategoryAndImage(
  image: Int32Array,
  category: Int32Array,
  imageRank: Int32Array,
  categoryRank: Int32Array,
  keep?: Uint8Array,
): Int32Array {
  const kept = new Int32Array(image.length);
  let n = 0;
  for (let i = 0; i < image.length; i++)
    if (imageRank[image[i]!]! >= 0 && categoryRank[category[i]!]! >= 0 && (keep === undefined || keep[i]))
      kept[n++] = i;
  const byImage = countingSort(kept.subarray(0, n), image, imageRank);
  return countingSort(byImage, category, categoryRank);
}

/** Stable sort of `items` by `rank[key[item]]`. */
function countingSort(items: Int32Array, key: Int32Array, rank: Int32Array): Int32Array {
  const starts = new Int32Array(rank.length + 1);
  for (let i = 0; i < items.length; i++) starts[rank[key[items[i]!]!]! + 1]!++;
  for (let k = 0; k < rank.length; k++) starts[k + 1]! += starts[k]!;
  const out = new Int32Array(items.length);
  for (let i = 0; i < items.length; i++) out[starts[rank[key[items[i]!]!]!]!++] = items[i]!;
  return out;
}

let spare = new Int32Array(1024);

/**
 * Sorts `items[from..to]` by score, highest first; equal scores keep their order, as numpy's
 * `argsort(-scores, kind='mergesort')` does.
 */
export function sortByScore(items: Int32Array, score: Float64Array, from: number, to: number): void {
  const RUN = 16;
  for (let a = from; a < to; a += RUN) {
    const b = Math.min(a + RUN, to);
    for (let i = a + 1; i < b; i++) {
      const item = items[i]!;
      const s = score[item]!;
      let j = i - 1;
      for (; j >= a && score[items[j]!]! < s; j--) items[j + 1] = items[j]!;
      items[j + 1] = item;
    }
  }
  const n = to - from;
  if (n <= RUN) return;
  if (spare.length < n) spare = new Int32Array(2 * n);
  for (let width = RUN; width < n; width *= 2)
    for (let a = from; a + width < to; a += 2 * width)
      mergeRuns(items, score, a, a + width, Math.min(a + 2 * width, to));
}

function mergeRuns(items: Int32Array, score: Float64Array, from: number, middle: number, to: number): void {
  if (score[items[middle - 1]!]! >= score[items[middle]!]!) return;
  const left = middle - from;
  for (let i = 0; i < left; i++) spare[i] = items[from + i]!;
  let i = 0;
  let j = middle;
  let out = from;
  while (i < left && j < to) items[out++] = score[spare[i]!]! >= score[items[j]!]! ? spare[i++]! : items[j++]!;
  while (i < left) items[out++] = spare[i++]!;
}
