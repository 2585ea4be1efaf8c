import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { av } from './helpers.ts';

/** Copies a video's pictures into an MPEG transport stream, packets untouched. */
export async function toTransportStream(from: string, to: string): Promise<void> {
  const { FormatContext, Packet } = av!;
  const input = new FormatContext();
  await input.openInput(from);
  await input.findStreamInfo();
  const output = new FormatContext();
  output.allocOutputContext2(null, 'mpegts', to);
  const stream = output.newStream();
  input.streams[0].codecpar.copy(stream.codecpar);
  stream.codecpar.codecTag = 0;
  await output.openOutput();
  await output.writeHeader();
  const packet = new Packet();
  packet.alloc();
  while ((await input.readFrame(packet)) >= 0) {
    if (packet.streamIndex === 0) {
      packet.rescaleTs(input.streams[0].timeBase, stream.timeBase);
      await output.interleavedWriteFrame(packet);
    }
    packet.unref();
  }
  await output.writeTrailer();
  await output.closeOutput();
  await input.closeInput();
}

/** How one visit is answered. */
export interface Serving {
  /** Share of the bytes sent before the connection is cut; default 1. */
  readonly share?: number;
  /** Time over which they are sent; default at once. */
  readonly over_ms?: number;
  /** At the end: close (default), break off, or stay silent. */
  readonly after?: 'close' | 'reset' | 'silence';
  /** Sent first, as an HTTP server would. */
  readonly head?: string;
}

/** A server at 127.0.0.1 that sends bytes to each visitor, the n-th as the n-th rule says, and nobody after the last. */
export async function serveBytes(bytes: Buffer, rules: readonly Serving[]) {
  const open = new Set<Socket>();
  let visits = 0;
  const server: Server = createServer(socket => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    const rule = rules[visits++];
    if (rule) void send(socket, bytes, rule);
    else socket.destroy();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    visits: () => visits,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

async function send(socket: Socket, bytes: Buffer, { share = 1, over_ms = 0, after = 'close', head }: Serving) {
  if (head !== undefined) socket.write(head);
  const end = Math.floor((bytes.length * share) / 188) * 188;
  const steps = Math.max(1, Math.round(over_ms / 20));
  for (let step = 0; step < steps && !socket.destroyed; step++) {
    const [from, to] = [step, step + 1].map(s => Math.floor((end * s) / steps / 188) * 188);
    if (!socket.write(bytes.subarray(from, to)))
      await new Promise<void>(resolve => {
        socket.once('drain', resolve);
        socket.once('close', () => resolve());
      });
    if (steps > 1) await sleep(20);
  }
  if (after === 'close') socket.end();
  else if (after === 'reset') socket.resetAndDestroy();
}
