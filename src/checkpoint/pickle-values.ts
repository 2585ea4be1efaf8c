/**
 * What our pickle reader can make: inert values only. Nothing here holds code, and nothing is ever called.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleList
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleStorage
  | PickleTensor
  | PickleOpaque;

/** list, set or frozenset: only ever walked, so one kind is enough. */
export class PickleList {
  readonly items: PickleValue[] = [];
}

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** dict, OrderedDict, Counter, and an argparse.Namespace's attributes. */
export class PickleDict {
  readonly entries = new Map<PickleValue, PickleValue>();
  constructor(
    /** A Namespace: its attributes arrive as state and become entries. A dict's state (`_metadata`) is dropped. */
    readonly isObject = false,
  ) {}

  get(key: string): PickleValue | undefined {
    return this.entries.get(key);
  }
}

/** A name from the allow-list (`torch.FloatStorage`), never resolved to anything. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly rule: NameRule,
  ) {}
}

/** A storage the pickle points to: a record `data/KEY` of the zip. */
export class PickleStorage {
  constructor(
    readonly key: string,
    /** torch's dtype of the storage class; `bytes` for an untyped storage. */
    readonly element: string,
    readonly elements: number,
  ) {}
}

/** Arguments of a tensor's rebuild call, unchecked: the checks come when its name is known. */
export class PickleTensor {
  constructor(
    readonly storage: PickleValue,
    readonly offset: PickleValue,
    readonly shape: PickleValue,
    readonly strides: PickleValue,
    /** Set where the dtype is not the storage's (`_rebuild_tensor_v3`). */
    readonly dtype?: PickleValue,
  ) {}
}

/** Something we read past and never look into. */
export class PickleOpaque {
  constructor(readonly name: string) {}
}

/** What REDUCE or NEWOBJ on an allowed name stands for. */
export type NameRule =
  | 'dict'
  | 'list'
  | 'object'
  | 'tensor'
  | 'tensor-with-dtype'
  | 'first-argument'
  | 'rebuild-from-type'
  | 'tuple'
  | 'opaque'
  | { readonly element: string }
  | { readonly dtype: string };
