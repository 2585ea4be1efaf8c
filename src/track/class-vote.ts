/**
 * A track's class: the one with the largest sum of scores so far, so a single odd frame does not rename an object.
 * Equal sums keep the class that reached the sum first.
 * @see BoT-SORT tracker/mc_bot_sort.py, `update_cls`
 */
export class ClassVote {
  private readonly sums = new Map<number, number>();
  private best = Number.NEGATIVE_INFINITY;
  private leader = -1;

  add(cls: number, score: number): void {
    const sum = (this.sums.get(cls) ?? 0) + score;
    this.sums.set(cls, sum);
    if (cls === this.leader || sum > this.best) {
      this.leader = cls;
      this.best = sum;
    }
  }

  /** Class index in the lead; -1 before the first vote. */
  get winner(): number {
    return this.leader;
  }
}
