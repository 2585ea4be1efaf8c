/** Element types a checkpoint may store. */
export type StoredDtype = 'f32' | 'f64' | 'f16' | 'bf16' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool';

/** Bytes of one element. */
export const DTYPE_BYTES = {
  f32: 4,
  f64: 8,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
} as const satisfies Record<StoredDtype, number>;

/** One tensor inside a checkpoint file: where its bytes lie, never the bytes themselves. */
export interface StoredTensor {
  /** Name as stored, prefixes included. */
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Row-major without gaps: its bytes may be used in place. Otherwise `strides` must be honoured when reading. */
  readonly contiguous: boolean;
  /** In elements, one per axis. */
  readonly strides: readonly number[];
  /** First byte of the tensor in the file. */
  readonly offset: number;
  /** Bytes from `offset` to the last element's end. */
  readonly length: number;
}

/** An opened checkpoint: an index over a file that stays where it is. */
export interface Checkpoint {
  /** Real path: symbolic links resolved. */
  readonly path: string;
  readonly format: 'pytorch' | 'safetensors';
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** In file order, keyed by stored name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** safetensors `__metadata__`, or nothing. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Key the tensors were found under (`state_dict`, `weights`, `model`); absent when the file is the flat dict itself. */
  readonly wrapper?: string;
  /** What the file holds beside the tensors (epoch, optimizer, ...), dotted names; read past, never used. */
  readonly skipped?: readonly string[];
}
