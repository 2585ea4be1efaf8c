/**
 * The best remaining of n items whose scores may fall: a binary heap that knows where each item sits.
 * Of equal scores the lowest number comes first.
 */
export class RankHeap {
  private readonly heap: Int32Array;
  private readonly place: Int32Array;
  private size: number;

  /** @param scores `[n]`, kept by reference; lower an entry only through {@link lower} */
  constructor(private readonly scores: Float64Array) {
    this.size = scores.length;
    this.heap = Int32Array.from(scores, (_, i) => i);
    this.place = this.heap.slice();
    for (let at = (this.size >> 1) - 1; at >= 0; at--) this.sink(at);
  }

  /** Takes out the best item; -1 when none is left. */
  pop(): number {
    if (this.size === 0) return -1;
    const best = this.heap[0];
    this.place[best] = -1;
    const last = this.heap[--this.size];
    if (this.size > 0) {
      this.heap[0] = last;
      this.place[last] = 0;
      this.sink(0);
    }
    return best;
  }

  /** Is the item still in the heap? */
  has(item: number): boolean {
    return this.place[item] >= 0;
  }

  /** Sets a score that is at most the old one. */
  lower(item: number, score: number): void {
    this.scores[item] = score;
    this.sink(this.place[item]);
  }

  private before(a: number, b: number): boolean {
    return this.scores[a] > this.scores[b] || (this.scores[a] === this.scores[b] && a < b);
  }

  private sink(from: number): void {
    const { heap, place, size } = this;
    const item = heap[from];
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.before(heap[child + 1], heap[child])) child++;
      if (!this.before(heap[child], item)) break;
      heap[at] = heap[child];
      place[heap[at]] = at;
      at = child;
    }
    heap[at] = item;
    place[item] = at;
  }
}
