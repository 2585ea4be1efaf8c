type Column = Float64Array | Int32Array | Uint32Array | Uint8Array;

/**
 * The same column with room for `need` elements: itself, or a copy of twice the length.
 * Large arrays come from the system as untouched zero pages, so room that is never used costs no memory.
 */
export function withRoom<T extends Column>(column: T, need: number): T {
  if (need <= column.length) return column;
  const larger = new (column.constructor as new (n: number) => T)(Math.max(need, 2 * column.length));
  larger.set(column as never);
  return larger;
}
