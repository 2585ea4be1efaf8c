/**
 * A place for one item between a writer that cannot wait and a reader that may be slow: the newest item replaces one that
 * was not taken.
 */
export class Latest<T> {
  private item: { readonly value: T } | undefined;
  private ending: { readonly error?: unknown } | undefined;
  private wakeReader = () => {};
  private wakeWriter = () => {};

  /**
   * @param waits the writer waits until its item is taken, instead of replacing it
   * @param onReplaced told of items that nobody took
   */
  constructor(
    private readonly waits: boolean,
    private readonly onReplaced: (value: T) => void,
  ) {}

  /** Leaves an item. Resolves at once, or, where the writer waits, when it was taken. */
  async put(value: T): Promise<void> {
    if (this.ending) return this.onReplaced(value);
    if (this.item) this.onReplaced(this.item.value);
    this.item = { value };
    this.wakeReader();
    if (!this.waits) return;
    while (this.item && !this.ending)
      await new Promise<void>(resolve => {
        this.wakeWriter = resolve;
      });
  }

  /** No more items; what is left can still be taken, unless `error` is given, which comes at once. */
  end(error?: unknown): void {
    if (this.ending) return;
    this.ending = error === undefined ? {} : { error };
    if (error !== undefined && this.item) this.drop();
    this.wakeReader();
    this.wakeWriter();
  }

  /** The newest item, as soon as there is one; nothing at the end. @throws what {@link end} was given */
  async take(): Promise<T | undefined> {
    while (!this.item && !this.ending)
      await new Promise<void>(resolve => {
        this.wakeReader = resolve;
      });
    const { item } = this;
    if (item) {
      this.item = undefined;
      this.wakeWriter();
      return item.value;
    }
    if (this.ending && 'error' in this.ending) throw this.ending.error;
    return undefined;
  }

  /** Gives up an item that is still there. */
  drop(): void {
    const { item } = this;
    this.item = undefined;
    if (item) this.onReplaced(item.value);
  }
}
