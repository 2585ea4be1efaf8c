/** Entry of the thread that owns one onnxruntime session. It talks to {@link Session} by messages only. */
import { parentPort } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** One tensor on its way between threads. */
export interface WireTensor {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data: Tensor.DataType;
}

export interface WireMetadata {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

export type Request =
  | { readonly kind: 'close' }
  | { readonly kind: 'open'; readonly model: Uint8Array | string; readonly options: InferenceSession.SessionOptions }
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly feeds: readonly WireTensor[];
      readonly outputs: readonly string[];
    };

export type Answer =
  | { readonly kind: 'opened'; readonly inputs: readonly WireMetadata[]; readonly outputs: readonly WireMetadata[] }
  | { readonly kind: 'ran'; readonly id: number; readonly outputs: readonly WireTensor[] }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

const port = parentPort!;
let session: InferenceSession | undefined;

function metadata(list: readonly InferenceSession.ValueMetadata[]): WireMetadata[] {
  return list.map(v =>
    v.isTensor
      ? { name: v.name, dtype: v.type, shape: [...v.shape] }
      : { name: v.name, dtype: 'not a tensor', shape: [] },
  );
}

async function answer(request: Request): Promise<void> {
  if (request.kind === 'close') process.exit(); // of this thread only
  if (request.kind === 'open') {
    const { model, options } = request;
    session =
      typeof model === 'string'
        ? await InferenceSession.create(model, options)
        : await InferenceSession.create(model, options);
    const { inputMetadata, outputMetadata } = session;
    port.postMessage({
      kind: 'opened',
      inputs: metadata(inputMetadata),
      outputs: metadata(outputMetadata),
    } satisfies Answer);
    return;
  }
  const feeds: Record<string, Tensor> = {};
  for (const f of request.feeds) feeds[f.name] = new Tensor(f.dtype as Tensor.Type, f.data as never, f.dims);
  const results = await session!.run(feeds, request.outputs);
  const outputs = Object.entries(results).map(([name, value]): WireTensor => {
    const t = value as Tensor;
    return { name, dtype: t.type, dims: t.dims, data: t.data };
  });
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of outputs) if (ArrayBuffer.isView(data)) buffers.add(data.buffer as ArrayBuffer);
  port.postMessage({ kind: 'ran', id: request.id, outputs } satisfies Answer, [...buffers]);
}

port.on('message', (request: Request) => {
  answer(request).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    port.postMessage({ kind: 'failed', id: request.kind === 'run' ? request.id : -1, message } satisfies Answer);
  });
});
