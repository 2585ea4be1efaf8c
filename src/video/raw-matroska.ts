/**
 * Just enough Matroska to hand raw RGB frames with their own time stamps to ffmpeg through a pipe; raw video alone has
 * none. One cluster per frame, sizes known, segment open-ended.
 * @see https://www.matroska.org/technical/elements.html
 */

const NANOSECONDS_PER_UNIT = 1000; // time stamps in microseconds

function element(id: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  const idLength = id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1;
  head.writeUIntBE(id, 0, idLength);
  head.writeUInt8(0x01, idLength); // a size of eight bytes
  head.writeUIntBE(body.length, idLength + 2, 6);
  return Buffer.concat([head.subarray(0, idLength + 8), body]);
}

function unsigned(id: number, value: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(BigInt(value));
  return element(id, body);
}

const text = (id: number, value: string) => element(id, Buffer.from(value, 'latin1'));
const list = (id: number, ...parts: Buffer[]) => element(id, Buffer.concat(parts));

/** What stands before the first frame. */
export function matroskaHead(width: number, height: number): Buffer {
  const video = list(
    0xe0,
    unsigned(0xb0, width),
    unsigned(0xba, height),
    element(0x2eb524, Buffer.from([0x52, 0x47, 0x42, 24])), // "RGB", 24 bits
  );
  const track = list(
    0xae,
    unsigned(0xd7, 1),
    unsigned(0x73c5, 1),
    unsigned(0x83, 1),
    text(0x86, 'V_UNCOMPRESSED'),
    video,
  );
  return Buffer.concat([
    list(0x1a45dfa3, text(0x4282, 'matroska'), unsigned(0x4287, 4), unsigned(0x4285, 2)),
    Buffer.from([0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), // segment, size unknown
    list(0x1549a966, unsigned(0x2ad7b1, NANOSECONDS_PER_UNIT), text(0x4d80, 'pe-dense'), text(0x5741, 'pe-dense')),
    list(0x1654ae6b, track),
  ]);
}

/** A frame. @param time_s seconds, not negative @param span_s how long it is shown @param data `[height, width, 3]` */
export function matroskaFrame(time_s: number, span_s: number, data: Uint8Array): Buffer {
  const units = (seconds: number) => Math.round(seconds * (1e9 / NANOSECONDS_PER_UNIT));
  const block = Buffer.concat([Buffer.from([0x81, 0, 0, 0]), data]); // track 1, at the cluster's time
  // without its length the last frame would be cut from the file
  const group = list(0xa0, element(0xa1, block), unsigned(0x9b, units(span_s)));
  return list(0x1f43b675, unsigned(0xe7, units(time_s)), group);
}
