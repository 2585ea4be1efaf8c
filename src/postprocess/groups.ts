/** Positions grouped by class: group `g` is `members[starts[g] .. starts[g + 1])`. */
export interface Groups {
  readonly count: number;
  readonly starts: Int32Array;
  readonly members: Int32Array;
}

/**
 * Groups the indices in `order` by class and keeps their order inside each group; groups come in the order of
 * their first member. Class ids may be any 32-bit integers.
 *
 * @param order indices into `classes`
 * @param classes `[n]`, or null to put everything in one group
 */
export function groupByClass(order: Int32Array, classes: Int32Array | null): Groups {
  const n = order.length;
  if (!classes) return { count: n ? 1 : 0, starts: Int32Array.of(0, n), members: order };
  const groupOf = new Int32Array(n);
  const ids = new Map<number, number>();
  const sizes: number[] = [];
  const small = new Int32Array(4096).fill(-1); // ids below 4096 skip the map: every data set we know
  for (let i = 0; i < n; i++) {
    const id = classes[order[i]];
    const direct = id >= 0 && id < 4096;
    let group = direct ? small[id] : (ids.get(id) ?? -1);
    if (group < 0) {
      group = sizes.length;
      sizes.push(0);
      if (direct) small[id] = group;
      else ids.set(id, group);
    }
    groupOf[i] = group;
    sizes[group]++;
  }
  const starts = new Int32Array(sizes.length + 1);
  for (let g = 0; g < sizes.length; g++) starts[g + 1] = starts[g] + sizes[g];
  const next = starts.slice();
  const members = new Int32Array(n);
  for (let i = 0; i < n; i++) members[next[groupOf[i]]++] = order[i];
  return { count: sizes.length, starts, members };
}
