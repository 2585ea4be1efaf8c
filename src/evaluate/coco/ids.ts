import type { JsonScanner } from '../json/scanner.ts';
import type { Id } from './types.ts';

/** Reads an id: COCO's are whole numbers; text is accepted. */
export function readId(scan: JsonScanner, field: string): Id {
  if (scan.atString()) return scan.string();
  return scan.number(`a number for ${field}`);
}

/** Ascending: numbers first, then text. */
export function compareIds(a: Id, b: Id): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : a < b ? -1 : a > b ? 1 : 0;
}

/** Gives ids met for the first time the numbers 0, 1, 2 ... */
export class IdTable {
  readonly ids: Id[] = [];
  private readonly codes = new Map<Id, number>();
  private lastId: Id | undefined;
  private lastCode = -1;

  code(id: Id): number {
    if (id === this.lastId) return this.lastCode; // records of one picture usually stand together
    let code = this.codes.get(id);
    if (code === undefined) {
      code = this.ids.length;
      this.ids.push(id);
      this.codes.set(id, code);
    }
    this.lastId = id;
    this.lastCode = code;
    return code;
  }
}
