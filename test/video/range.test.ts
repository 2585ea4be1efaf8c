import { describe, expect, test } from 'vitest';
import { frameRange, parseFramePoint } from '../../src/video/range.ts';

describe('places in a video', () => {
  test.each([
    ['120', { index: 119 }],
    [1, { index: 0 }],
    ['12.5s', { seconds: 12.5 }],
    ['.5s', { seconds: 0.5 }],
    ['1:30', { seconds: 90 }],
    ['1:02:03.5', { seconds: 3723.5 }],
  ])('%s', (text, point) => expect(parseFramePoint(text, 'start')).toEqual(point));
  test.each(['0', '-1', '1.5', 'x', '', '1:75', '5 minutes'])('%j is none', text => {
    expect(() => parseFramePoint(text, 'start')).toThrow(/--start got .*\n {2}why: it takes a frame number/);
  });
  test('an end before the start, and a step of nothing', () => {
    expect(() => frameRange({ start: 9, end: 8 })).toThrow('--start 9 --end 8');
    expect(() => frameRange({ start: '2s', end: '2s' })).toThrow('the end lies before the start');
    expect(() => frameRange({ every: 0 })).toThrow('--every got 0');
    expect(frameRange({ start: 9, end: 9 }).every).toBe(1);
  });
});
