import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { av } from './helpers.ts';

/** An H.264 film taken apart: what RTP sends. */
interface Film {
  /** Parameter sets, each a NAL unit. */
  readonly sets: readonly Buffer[];
  /** Pictures: their NAL units, and when they are shown, in 1/90000 s. */
  readonly pictures: readonly { readonly nals: readonly Buffer[]; readonly at: number }[];
}

/** Reads an MP4 file of H.264; pictures come in the order in which they are decoded. */
export async function readFilm(path: string): Promise<Film> {
  const { FormatContext, Packet } = av!;
  const input = new FormatContext();
  await input.openInput(path);
  await input.findStreamInfo();
  const { codecpar, timeBase } = input.streams[0];
  const sets = parameterSets(codecpar.extradata!);
  const packet = new Packet();
  packet.alloc();
  const pictures = [];
  while ((await input.readFrame(packet)) >= 0) {
    const at = Math.round((Number(packet.pts) * timeBase.num * 90_000) / timeBase.den);
    pictures.push({ nals: lengthPrefixed(packet.data!), at });
    packet.unref();
  }
  await input.closeInput();
  return { sets, pictures };
}

/** ISO/IEC 14496-15, 5.3.3.1.2: one count of sequence sets, one of picture sets, each set behind its length. */
function parameterSets(avcc: Buffer): Buffer[] {
  const sets: Buffer[] = [];
  for (let at = 5, group = 0; group < 2; group++)
    for (let left = avcc[at++] & 31; left > 0; left--) {
      const end = at + 2 + avcc.readUInt16BE(at);
      sets.push(Buffer.from(avcc.subarray(at + 2, end)));
      at = end;
    }
  return sets;
}

function lengthPrefixed(data: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    const end = at + 4 + data.readUInt32BE(at);
    nals.push(Buffer.from(data.subarray(at + 4, end)));
    at = end;
  }
  return nals;
}

const LARGEST = 1200;

/** RFC 6184: a NAL unit as one packet, or in fragments (FU-A). */
function payloads(nal: Buffer): Buffer[] {
  if (nal.length <= LARGEST) return [nal];
  const parts: Buffer[] = [];
  for (let at = 1; at < nal.length; at += LARGEST) {
    const first = at === 1 ? 0x80 : 0;
    const last = at + LARGEST >= nal.length ? 0x40 : 0;
    const head = Buffer.from([(nal[0] & 0xe0) | 28, first | last | (nal[0] & 31)]);
    parts.push(Buffer.concat([head, nal.subarray(at, at + LARGEST)]));
  }
  return parts;
}

/** An RTP packet (RFC 3550) inside the RTSP connection (RFC 2326, 10.12). */
function interleaved(payload: Buffer, sequence: number, at: number, marker: boolean): Buffer {
  const head = Buffer.alloc(16);
  head.write('$');
  head.writeUInt16BE(12 + payload.length, 2);
  head[4] = 0x80;
  head[5] = (marker ? 0x80 : 0) | 96;
  head.writeUInt16BE(sequence & 0xffff, 6);
  head.writeUInt32BE(at >>> 0, 8);
  head.writeUInt32BE(0x5eed, 12);
  return Buffer.concat([head, payload]);
}

function description({ sets }: Film): string {
  const sprop = sets.map(set => set.toString('base64')).join(',');
  const lines = [
    'v=0',
    'o=- 0 0 IN IP4 127.0.0.1',
    's=test',
    't=0 0',
    'm=video 0 RTP/AVP 96',
    'a=rtpmap:96 H264/90000',
    `a=fmtp:96 packetization-mode=1;sprop-parameter-sets=${sprop}`,
    'a=control:track',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/**
 * A camera at 127.0.0.1 that speaks RTSP over one TCP connection.
 * @param plays pictures it sends to each visitor before it breaks off; nobody is answered after the last
 */
export async function serveRtsp(film: Film, plays: readonly number[], pause_ms = 4) {
  const open = new Set<Socket>();
  const asked: string[] = [];
  let visits = 0;
  const server = createServer(socket => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    const pictures = plays[visits++];
    if (pictures === undefined) return void socket.destroy();
    let waiting = Buffer.alloc(0);
    socket.on('data', chunk => {
      waiting = Buffer.concat([waiting, chunk as Buffer]);
      for (;;) {
        if (waiting[0] === 0x24) {
          // the receiver's reports
          if (waiting.length < 4 || waiting.length < 4 + waiting.readUInt16BE(2)) return;
          waiting = waiting.subarray(4 + waiting.readUInt16BE(2));
          continue;
        }
        const end = waiting.indexOf('\r\n\r\n');
        if (end < 0) return;
        const request = waiting.subarray(0, end).toString();
        waiting = waiting.subarray(end + 4);
        const [method, address] = request.split(' ');
        asked.push(method);
        answer(socket, film, method, address, /^CSeq: *(\d+)/im.exec(request)![1]);
        if (method === 'PLAY') void play(socket, film, pictures, pause_ms);
      }
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    asked,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function answer(socket: Socket, film: Film, method: string, address: string, sequence: string): void {
  const head = [`RTSP/1.0 200 OK`, `CSeq: ${sequence}`];
  let body = '';
  if (method === 'OPTIONS') head.push('Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN');
  else if (method === 'DESCRIBE') {
    body = description(film);
    head.push(`Content-Base: ${address}/`, 'Content-Type: application/sdp', `Content-Length: ${body.length}`);
  } else head.push('Session: 7');
  if (method === 'SETUP') head.push('Transport: RTP/AVP/TCP;unicast;interleaved=0-1');
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
}

async function play(socket: Socket, { sets, pictures }: Film, count: number, pause_ms: number): Promise<void> {
  let sequence = 0;
  for (const [i, { nals, at }] of pictures.slice(0, count).entries()) {
    const parts = [...(i === 0 ? sets : []), ...nals].flatMap(payloads);
    for (const [k, part] of parts.entries()) socket.write(interleaved(part, sequence++, at, k === parts.length - 1));
    await sleep(pause_ms);
    if (socket.destroyed) return;
  }
  socket.end();
}
