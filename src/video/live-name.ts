import { fail } from '../core/index.ts';

/** A live source as typed, taken apart. */
export interface LiveName {
  /** What FFmpeg opens. */
  readonly address: string;
  /** FFmpeg's input format, where the address does not tell it: devices. */
  readonly format: string | undefined;
  /** For messages and files: without a user's name and password. */
  readonly shown: string;
  /** Part of the address before `://`; `device` for devices. */
  readonly scheme: string;
}

/** Schemes of addresses that FFmpeg opens as a stream. */
const SCHEMES = ['rtsp', 'rtsps', 'rtmp', 'rtmps', 'srt', 'udp', 'tcp', 'rtp', 'http', 'https'] as const;
const ADDRESS = new RegExp(`^(${SCHEMES.join('|')})://`, 'i');
const DEVICE = /^device:(.*)$/s;
const FILE = /^\/dev\/video\d+$/;

/** How each platform calls its cameras: FFmpeg's input format, and the address of a name or a number. */
const CAMERAS: Partial<Record<NodeJS.Platform, { format: string; address: (name: string) => string }>> = {
  linux: { format: 'v4l2', address: name => (/^\d+$/.test(name) ? `/dev/video${name}` : name) },
  darwin: { format: 'avfoundation', address: name => `${name}:none` },
  win32: { format: 'dshow', address: name => `video=${name}` },
};

/**
 * Whether a text names a live source: an address such as `rtsp://host/path`, a camera such as `device:0` or
 * `device:Integrated Camera`, or a device file such as `/dev/video0`.
 */
export function isLiveName(text: string): boolean {
  return ADDRESS.test(text) || DEVICE.test(text) || FILE.test(text);
}

/**
 * Takes the name of a live source apart.
 * @throws {DenseError} BAD_INPUT for a text that names none, UNAVAILABLE for a camera where this platform has none
 */
export function parseLiveName(text: string, platform: NodeJS.Platform = process.platform): LiveName {
  const scheme = ADDRESS.exec(text)?.[1].toLowerCase();
  if (scheme !== undefined) {
    const shown = text.replace(/^([a-z]+:\/\/)[^/?#@]*@/i, '$1');
    return { address: text, format: undefined, shown, scheme };
  }
  const device = FILE.test(text) ? text : DEVICE.exec(text)?.[1];
  if (device === undefined)
    fail(
      'BAD_INPUT',
      `${text} is no live source`,
      'it is neither an address nor a camera',
      `begin it with ${SCHEMES.map(s => `${s}://`).join(', ')} or device:`,
    );
  if (device === '') fail('BAD_INPUT', 'device: without a name', 'it names no camera', 'write device:0 for the first');
  // lavfi is FFmpeg's own camera: pictures computed by its filters, as in device:lavfi:testsrc2=rate=10
  if (device.startsWith('lavfi:')) return { address: device.slice(6), format: 'lavfi', shown: text, scheme: 'device' };
  const camera = CAMERAS[platform];
  if (!camera)
    return fail(
      'UNAVAILABLE',
      `cannot open ${text}`,
      `cameras are not known on ${platform}`,
      'give an address instead',
    );
  return { address: camera.address(device), format: camera.format, shown: text, scheme: 'device' };
}
