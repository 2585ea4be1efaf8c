import { fail, type LabelSet } from '../../core/index.ts';

/** Which class of the data set each class of the model is. */
export interface LabelMatch {
  /** By the model's class index: the data set's class index, or -1. */
  readonly categoryOf: Int32Array;
  /** The data set's classes that are scored, by index, ascending. */
  readonly scored: readonly number[];
  /** What is left out on either side, in sentences. */
  readonly notes: readonly string[];
}

/** What {@link matchLabels} is told besides the two lists. */
export interface LabelOptions {
  /** By the data set's class index: its objects. Classes without any may be unknown to the model. */
  readonly objects: ArrayLike<number>;
  /** Only these classes of the data set. */
  readonly classes?: readonly string[] | undefined;
  /** The data set's name of a class to the model's. */
  readonly map?: Readonly<Record<string, string>> | undefined;
}

/**
 * Matches classes by name; upper and lower case, `_`, `-` and spaces make no difference. One side may know more classes
 * than the other: then the common ones are scored. Where each side has classes that the other lacks, names are spelt
 * differently more often than not, and a silent choice would make the figure wrong: that is an error.
 *
 * @throws {DenseError} BAD_INPUT naming the classes of both sides; BAD_USAGE for a class in `classes` or `map` that is not there
 */
export function matchLabels(
  model: LabelSet,
  modelName: string,
  categories: readonly string[],
  { objects, classes, map = {} }: LabelOptions,
): LabelMatch {
  const known = indexByName(model.names);
  const own = indexByName(categories);
  const wanted = new Set(classes?.map(name => indexOf(own, name, categories, '--classes', 'the data set')));
  const other = new Map<number, number>();
  for (const [from, to] of Object.entries(map))
    other.set(
      indexOf(own, from, categories, '--map', 'the data set'),
      indexOf(known, to, model.names, '--map', modelName),
    );
  const categoryOf = new Int32Array(model.names.length).fill(-1);
  const scored: number[] = [];
  const strangers: string[] = [];
  categories.forEach((name, k) => {
    if (classes && !wanted.has(k)) return;
    const c = other.get(k) ?? known.get(plain(name));
    if (c === undefined) {
      if (objects[k]! > 0 || classes) strangers.push(name);
      return;
    }
    if (categoryOf[c]! >= 0)
      fail(
        'BAD_INPUT',
        `${JSON.stringify(categories[categoryOf[c]!])} and ${JSON.stringify(name)} are both ${JSON.stringify(model.names[c])} of ${modelName}`,
        'a result belongs to one class',
        'name another with --map, or leave one out with --classes',
      );
    categoryOf[c] = k;
    scored.push(k);
  });
  const spare = model.names.filter((_, c) => categoryOf[c]! < 0);
  if (scored.length === 0 || (strangers.length > 0 && (spare.length > 0 || classes)))
    failMismatch(strangers, spare, modelName, scored.length);
  const notes: string[] = [];
  if (strangers.length > 0)
    notes.push(
      `${modelName} does not know ${count(strangers)} of the data set, which ${are(strangers)} left out: ${some(strangers)}`,
    );
  if (spare.length > 0)
    notes.push(
      `scored: ${scored.length} of the ${model.names.length} classes of ${modelName}, those of the data set; results of the others are left out`,
    );
  return { categoryOf, scored, notes };
}

function indexOf(
  table: ReadonlyMap<string, number>,
  name: string,
  names: readonly string[],
  flag: string,
  owner: string,
): number {
  return (
    table.get(plain(name)) ??
    fail(
      'BAD_USAGE',
      `${flag} names ${JSON.stringify(name)}`,
      `${owner} has no such class`,
      `it has: ${some(names, 100)}`,
    )
  );
}

function failMismatch(strangers: readonly string[], spare: readonly string[], model: string, common: number): never {
  const [theirs, ours] = [some(strangers, 100), some(spare, 100)];
  fail(
    'BAD_INPUT',
    `the classes of ${model} and of the data set differ`,
    `${common === 0 ? 'none is common' : `${common} are common`}; only the data set has: ${theirs || 'none'}; only ${model} has: ${ours || 'none'}`,
    common === 0
      ? 'give a model of these classes, or say which is which: --map theirs=model,...'
      : 'say which is which with --map theirs=model,... or choose the common ones with --classes a,b,...',
  );
}

const plain = (name: string) =>
  name
    .trim()
    .toLowerCase()
    .replace(/[_\s-]+/g, ' ');
const indexByName = (names: readonly string[]) => new Map(names.map((name, i) => [plain(name), i]));
const count = (names: readonly string[]) => `${names.length} ${names.length === 1 ? 'class' : 'classes'}`;
const are = (names: readonly string[]) => (names.length === 1 ? 'is' : 'are');
const some = (names: readonly string[], most = 20) =>
  `${names.slice(0, most).join(', ')}${names.length > most ? `, and ${names.length - most} more` : ''}`;
