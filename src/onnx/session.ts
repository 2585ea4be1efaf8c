import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import { DenseError, fail, messageOf, throwIfAborted } from '../core/index.ts';
import { checkDevice, type Device, deviceFix } from './device.ts';
import { type ArrayTensor, checkFeeds, type Feeds, type PortInfo } from './feeds.ts';
import type { Graph } from './model.ts';
import { type Placement, withWeights } from './place.ts';
import type { Answer, Request, WireTensor } from './worker.ts';

export interface SessionOptions {
  /** Default `cpu`. */
  readonly device?: Device;
  /** Threads inside one operator. Default: onnxruntime's choice, one per physical core. */
  readonly threads?: number;
  /** Leave weights where they are instead of packing them: starts at once, needs little memory, runs about half as fast. */
  readonly lowMemory?: boolean;
  /** Keep freed memory for the next run. Default true, false with `lowMemory`. */
  readonly arena?: boolean;
  /** Runs that may wait; one more is refused. Default 1024. */
  readonly maxWaiting?: number;
  /** How weights outside the graph are found. Default `auto`. */
  readonly placement?: Placement;
  /** Folder for hard links to weights. Default: the user's cache folder. */
  readonly cache?: string;
}

export interface RunOptions {
  /** Only these outputs. Default: all. */
  readonly outputs?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Outputs by name; each owns its memory. */
export type Outputs = Record<string, ArrayTensor>;

interface Job {
  readonly id: number;
  readonly request: Request;
  readonly resolve: (outputs: Outputs) => void;
  readonly reject: (error: unknown) => void;
  cancelled: boolean;
}

const IN_FLIGHT = 2; // one running, one ready behind it

/**
 * The entry beside this file: `.js` in the built package, `.ts` in the sources. A worker does not inherit tsx's hooks, and
 * on Node 20 `--import tsx` does nothing in one, so a source worker registers them itself.
 */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
  const tsxRoot = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const tsx = new URL('./dist/esm/api/index.mjs', tsxRoot).href; // what `tsx/esm/api` is to an import
  const entry = new URL('./worker.ts', import.meta.url).href;
  const start = `import(${JSON.stringify(tsx)}).then(({ register }) => (register(), import(${JSON.stringify(entry)})))`;
  return new Worker(start, { eval: true, execArgv: [] });
}

function nativeOptions(options: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [options.device ?? 'cpu'],
    logSeverityLevel: 3,
    enableCpuMemArena: options.arena ?? !options.lowMemory,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    ...(options.lowMemory ? { extra: { session: { disable_prepacking: '1' } } } : {}),
  };
}

/**
 * A network ready to run. The onnxruntime session lives in a thread of its own, because running blocks the thread it is
 * called on; runs wait in a queue and are done in order, so pictures can be decoded and drawn meanwhile.
 */
export class Session {
  private readonly waiting: Job[] = [];
  private readonly running = new Map<number, Job>();
  private nextId = 0;
  private closed: DenseError | undefined;
  /** Settles when the thread is gone. */
  private readonly ended: Promise<void>;

  private constructor(
    private readonly worker: Worker,
    private readonly maxWaiting: number,
    /** What {@link run} must be fed. */
    readonly inputs: readonly PortInfo[],
    /** What {@link run} gives. */
    readonly outputs: readonly PortInfo[],
  ) {
    worker.on('message', (answer: Answer) => this.receive(answer));
    worker.on('error', error => this.stop(`the session's thread failed: ${messageOf(error)}`, error));
    this.ended = new Promise(resolve => {
      worker.on('exit', () => {
        this.stop('the session is closed');
        resolve();
      });
    });
    worker.unref();
  }

  /**
   * Loads a graph.
   *
   * @param model a built graph, the bytes of an ONNX file, or the path of one
   * @throws {DenseError} UNAVAILABLE for a device this machine does not have; BAD_MODEL when onnxruntime refuses the model
   */
  static async open(model: Graph | Uint8Array | string, options: SessionOptions = {}): Promise<Session> {
    const device = checkDevice(options.device ?? 'cpu');
    const { threads } = options;
    if (threads !== undefined && (!Number.isInteger(threads) || threads < 1))
      fail('BAD_USAGE', `threads ${threads}`, 'it is a number of processor threads', 'pass 1 or more');
    const worker = startWorker();
    try {
      const create = (source: Uint8Array | string) => openIn(worker, source, nativeOptions(options));
      const direct = typeof model === 'string' || model instanceof Uint8Array;
      const { inputs, outputs } = await (direct ? create(model) : withWeights(model, options, create));
      return new Session(worker, options.maxWaiting ?? 1024, inputs, outputs);
    } catch (error) {
      await worker.terminate();
      if (error instanceof DenseError) throw error;
      if (device !== 'cpu')
        fail('UNAVAILABLE', `--device ${device} could not start`, messageOf(error), deviceFix(device), error);
      return fail(
        'BAD_MODEL',
        typeof model === 'string' ? `cannot load ${model}` : 'cannot load the graph',
        messageOf(error),
        'the model needs operators, files or a format that this onnxruntime does not have',
        error,
      );
    }
  }

  /** Runs waiting or being done. */
  get pending(): number {
    return this.waiting.length + this.running.size;
  }

  /**
   * One pass through the network. Calls may overlap: they are done in order.
   *
   * @param feeds by input name; the arrays are copied and stay the caller's
   * @throws {DenseError} BAD_INPUT for a wrong name, type or shape; ABORTED by the signal; UNAVAILABLE when the queue is
   *   full or the session closed; RUNTIME when the network fails
   */
  async run(feeds: Feeds, options: RunOptions = {}): Promise<Outputs> {
    throwIfAborted(options.signal);
    if (this.closed) throw this.closed;
    const checked = checkFeeds(feeds, this.inputs);
    const names = options.outputs ?? this.outputs.map(o => o.name);
    for (const name of names)
      if (!this.outputs.some(o => o.name === name))
        fail(
          'BAD_INPUT',
          `output "${name}"`,
          'the network has no such output',
          `it has: ${this.outputs.map(o => o.name).join(', ')}`,
        );
    if (this.waiting.length >= this.maxWaiting)
      fail(
        'UNAVAILABLE',
        'too many runs at once',
        `${this.maxWaiting} are waiting already`,
        'await earlier runs first',
      );
    const id = this.nextId++;
    return new Promise<Outputs>((resolve, reject) => {
      const { signal } = options;
      const settle = () => signal?.removeEventListener('abort', abort);
      const job: Job = {
        id,
        request: { kind: 'run', id, feeds: checked, outputs: names },
        resolve: outputs => {
          settle();
          resolve(outputs);
        },
        reject: error => {
          settle();
          reject(error);
        },
        cancelled: false,
      };
      const abort = () => {
        job.cancelled = true;
        const at = this.waiting.indexOf(job);
        if (at >= 0) this.waiting.splice(at, 1);
        try {
          throwIfAborted(signal);
        } catch (error) {
          job.reject(error);
        }
      };
      signal?.addEventListener('abort', abort);
      this.waiting.push(job);
      this.pump();
    });
  }

  private pump(): void {
    while (this.running.size < IN_FLIGHT && this.waiting.length > 0) {
      const job = this.waiting.shift()!;
      this.running.set(job.id, job);
      this.worker.postMessage(job.request);
    }
    // an idle session does not keep the process alive; one that is closing does, until its thread is gone
    if (this.running.size > 0 || this.closed) this.worker.ref();
    else this.worker.unref();
  }

  private receive(answer: Answer): void {
    if (answer.kind === 'opened') return;
    const job = this.running.get(answer.id);
    this.running.delete(answer.id);
    this.pump();
    if (!job || job.cancelled) return;
    if (answer.kind === 'ran') job.resolve(Object.fromEntries(answer.outputs.map(o => [o.name, asTensor(o)])));
    else {
      const error = new Error(answer.message);
      job.reject(
        new DenseError(
          'RUNTIME',
          { what: 'the network failed', why: messageOf(error), fix: 'try a smaller batch or size; else report it' },
          { cause: error },
        ),
      );
    }
  }

  private stop(why: string, cause?: unknown): void {
    if (this.closed) return;
    const detail = { what: 'the session cannot run', why, fix: 'open another session' };
    this.closed = new DenseError('UNAVAILABLE', detail, cause === undefined ? undefined : { cause });
    for (const job of [...this.running.values(), ...this.waiting]) job.reject(this.closed);
    this.running.clear();
    this.waiting.length = 0;
  }

  /** Ends the thread and frees the network. Runs not done yet are rejected. */
  async close(): Promise<void> {
    this.stop('the session is closed');
    this.worker.ref(); // an idle worker does not keep the process alive, and its end must be awaited
    // The thread ends itself, between runs: ended from outside in the middle of one, onnxruntime aborts the whole process.
    this.worker.postMessage({ kind: 'close' } satisfies Request);
    await this.ended;
  }
}

function asTensor(wire: WireTensor): ArrayTensor {
  return { dtype: wire.dtype, dims: wire.dims, data: wire.data } as ArrayTensor;
}

/** Sends the model and waits for the answer; native errors come back as plain Errors. */
async function openIn(
  worker: Worker,
  model: Uint8Array | string,
  options: InferenceSession.SessionOptions,
): Promise<{ inputs: PortInfo[]; outputs: PortInfo[] }> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: Answer) => {
      done();
      if (answer.kind === 'opened')
        resolve({ inputs: answer.inputs as PortInfo[], outputs: answer.outputs as PortInfo[] });
      else reject(new Error(answer.kind === 'failed' ? answer.message : 'unexpected answer'));
    };
    const onError = (error: Error) => {
      done();
      reject(error);
    };
    const onExit = (code: number) => onError(new Error(`the thread ended with code ${code}`));
    const done = () => worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage({ kind: 'open', model, options } satisfies Request);
  });
}
