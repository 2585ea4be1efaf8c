import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseProbe, parseShowinfo } from '../../src/video/ffmpeg.ts';
import { matroskaFrame, matroskaHead } from '../../src/video/raw-matroska.ts';

// what the program printed for examples/car-detection.mp4 and for a film of a telephone held upright
const CARS = `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'examples/car-detection.mp4':
  Duration: 00:00:30.21, start: 0.000000, bitrate: 744 kb/s
    Stream #0:0(eng): Video: h264 (Baseline) (avc1 / 0x31637661), yuv420p(tv, smpte170m), 768x432, 614 kb/s, 12.50 fps, 12.50 tbr, 25k tbn, 25 tbc (default)
    Metadata:
      creation_time   : 2018-04-19T22:46:00.000000Z
    Stream #0:1(eng): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp, 125 kb/s (default)
At least one output file must be specified
`;
const PHONE = `  Duration: 00:01:02.50, start: 0.066000, bitrate: 16000 kb/s
  Stream #0:0[0x1](und): Video: hevc (Main) (hvc1 / 0x31637668), yuv420p(tv, bt709), 1920x1080 [SAR 1:1 DAR 16:9], 29.98 fps, 30 tbr, 600 tbn (default)
      Side data:
        displaymatrix: rotation of -90.00 degrees
`;

describe('the program ffmpeg', () => {
  test('says what a file holds', () => {
    expect(parseProbe(CARS)).toEqual({
      width: 768,
      height: 432,
      fps: 12.5,
      rotation: 0,
      hasAudio: true,
      startTime_s: 0,
      duration_s: 30.21,
    });
    expect(parseProbe(PHONE)).toMatchObject({
      width: 1080,
      height: 1920,
      rotation: 90,
      hasAudio: false,
      duration_s: 62.5,
    });
    expect(parseProbe('song.mp3: Stream #0:0: Audio: mp3, 44100 Hz')).toBeUndefined();
  });
  test('says when each frame is shown', () => {
    const lines = [
      '[Parsed_showinfo_0 @ 0x1f46e040] config in time_base: 1/16000, frame_rate: 25/1',
      '[Parsed_showinfo_0 @ 0x1f46e040] n:   1 pts:    640 pts_time:0.04    pos:     1750 fmt:yuv420p sar:1/1',
      '[Parsed_showinfo_0 @ 0x5] n:  22 pts: 237600 pts_time:2.64    duration:   3600 duration_time:0.04    fmt:yuv420p',
      'frame=    6 fps=0.0 q=-0.0 Lsize=N/A time=00:00:01.00',
    ];
    expect(lines.map(parseShowinfo)).toEqual([
      { unit: [1, 16000] },
      { pts: 640, duration: undefined },
      { pts: 237600, duration: 3600 },
      undefined,
    ]);
  });
  test('is fed Matroska whose sizes add up', () => {
    const frame = matroskaFrame(1.5, 0.04, new Uint8Array(30).fill(9));
    expect(frame.readUInt32BE(0)).toBe(0x1f43b675); // a cluster
    expect(Number(frame.readBigUInt64BE(4) & 0xffffffffffffffn)).toBe(frame.length - 12);
    expect(frame.readUInt8(12)).toBe(0xe7); // its time stamp, in microseconds
    expect(frame.readBigUInt64BE(21)).toBe(1_500_000n);
    expect(matroskaHead(64, 48).subarray(0, 4)).toEqual(Buffer.from([0x1a, 0x45, 0xdf, 0xa3]));
    expect(matroskaHead(64, 48).includes('V_UNCOMPRESSED')).toBe(true);
  });
});

describe('without any FFmpeg', () => {
  afterEach(() => {
    vi.doUnmock('../../src/video/av.ts');
    vi.resetModules();
    vi.unstubAllEnvs();
  });
  test('a video is refused with what to do; the PATH is asked first', async () => {
    vi.resetModules();
    vi.doMock('../../src/video/av.ts', async original => ({
      ...(await original<typeof import('../../src/video/av.ts')>()),
      loadAv: async () => undefined,
    }));
    vi.stubEnv('PATH', '/nowhere');
    const { openFrames, openVideoWriter, canWriteVideo } = await import('../../src/video/index.ts');
    expect(await canWriteVideo()).toBe(false);
    await expect(openFrames('package.json')).rejects.toThrow(
      'cannot open video package.json\n  why: neither the package node-av nor the program ffmpeg is here\n  fix: run "npm install node-av", or install ffmpeg, or give a folder of frames',
    );
    const size = { width: 8, height: 8, frameRate: [25, 1], timeBase: [1, 25] } as const;
    await expect(openVideoWriter('/tmp/a.mp4', size)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
