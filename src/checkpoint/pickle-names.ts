import type { NameRule } from './pickle-values.ts';

/**
 * Names a pickle may mention. Everything else ends the reading with an error: a pickle that needs more is either hostile
 * or holds whole Python objects, and neither is run here. The list follows what torch.save writes for tensors, state
 * dicts and the usual companions in a training checkpoint (options, counters, NumPy scalars).
 */
const NAMES: Readonly<Record<string, NameRule>> = {
  'collections.OrderedDict': 'dict',
  'collections.Counter': 'dict',
  'argparse.Namespace': 'object',
  'builtins.set': 'list',
  '__builtin__.set': 'list',
  'builtins.frozenset': 'list',
  '__builtin__.frozenset': 'list',
  'torch._utils._rebuild_tensor': 'tensor',
  'torch._utils._rebuild_tensor_v2': 'tensor',
  'torch._utils._rebuild_tensor_v3': 'tensor-with-dtype',
  'torch._utils._rebuild_parameter': 'first-argument',
  'torch._utils._rebuild_parameter_with_state': 'first-argument',
  'torch._tensor._rebuild_from_type_v2': 'rebuild-from-type',
  'torch.Tensor': 'opaque',
  'torch.nn.parameter.Parameter': 'opaque',
  'torch.nn.parameter.Buffer': 'opaque',
  'torch.Size': 'tuple',
  'torch.device': 'opaque',
  'builtins.bytearray': 'opaque',
  '__builtin__.bytearray': 'opaque',
  '_codecs.encode': 'opaque',
  'numpy.dtype': 'opaque',
  'numpy.core.multiarray.scalar': 'opaque',
  'numpy._core.multiarray.scalar': 'opaque',
};

/** Storage class -> torch dtype. */
const STORAGES: Readonly<Record<string, string>> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  QInt8Storage: 'qint8',
  QUInt8Storage: 'quint8',
  QInt32Storage: 'qint32',
  UntypedStorage: 'bytes',
  TypedStorage: 'bytes',
};

// the ones we do not read are listed so that an error can name the tensor rather than call the file hostile
const DTYPES: ReadonlySet<string> = new Set(
  (
    'float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 uint32 uint64 complex32 complex64 ' +
    'complex128 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu qint8 quint8 qint32'
  ).split(' '),
);

const STORAGE_MODULES: ReadonlySet<string> = new Set(['torch', 'torch.cuda', 'torch.storage']);

/** What an allowed name stands for; undefined for any other name. */
export function ruleOf(module: string, name: string): NameRule | undefined {
  const full = `${module}.${name}`;
  if (Object.hasOwn(NAMES, full)) return NAMES[full];
  if (STORAGE_MODULES.has(module) && Object.hasOwn(STORAGES, name)) return { element: STORAGES[name]! };
  if (module === 'torch' && DTYPES.has(name)) return { dtype: name };
  return undefined;
}
