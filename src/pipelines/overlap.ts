/**
 * Runs `work` over items with up to `limit` of them begun and not yet taken, and yields the results in order. Chained,
 * it keeps every stage of a pipeline busy while no queue grows: a slow consumer slows the source down.
 *
 * A failure of `work` or of the source is thrown where its result would have come. Leaving early stops the source and
 * waits for what is under way.
 */
export async function* overlapped<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const begun: Promise<R>[] = [];
  const state = { ended: false, stopped: false };
  let wakeConsumer = () => {};
  let wakeProducer = () => {};

  const produce = async () => {
    try {
      for await (const item of items) {
        if (state.stopped) return;
        const result = work(item);
        result.catch(() => {}); // reported when its turn comes
        begun.push(result);
        wakeConsumer();
        while (begun.length >= limit && !state.stopped)
          await new Promise<void>(resolve => {
            wakeProducer = resolve;
          });
        if (state.stopped) return;
      }
    } finally {
      state.ended = true;
      wakeConsumer();
    }
  };

  const producer = produce();
  producer.catch(() => {}); // thrown below, after the results before it
  try {
    for (;;) {
      while (begun.length === 0 && !state.ended)
        await new Promise<void>(resolve => {
          wakeConsumer = resolve;
        });
      const next = begun[0];
      if (next === undefined) break;
      const result = await next;
      begun.shift();
      wakeProducer();
      yield result;
    }
    await producer;
  } finally {
    state.stopped = true;
    wakeProducer();
    await Promise.allSettled(begun);
  }
}

/** Gathers items into lists of up to `size`; the last may be shorter. */
export async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], void, undefined> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
