import type { RgbImage } from '../../core/index.ts';
import { decodeImage, encodePng, type ImageSource, resizeImage } from '../../image/index.ts';
import { drawMatches } from '../../render/index.ts';
import { writeWhole } from '../formats/atomic.ts';
import { type Correspondence, matchPictures, matchPoints } from './correspond.ts';
import { FeatureExtractor, type FeatureLoadOptions } from './extract.ts';

export interface MatchOptions extends Omit<FeatureLoadOptions, 'layers'> {
  /** Default: the end of the network. */
  readonly layer?: number | 'last' | undefined;
  /** `[x, y]`, pixels of picture A. Default: the most telling places are found. */
  readonly points?: readonly (readonly [number, number])[] | undefined;
  /** Without points: at most so many. Default 30. */
  readonly max?: number | undefined;
  /** Picture of both with the matches, PNG. */
  readonly out?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface MatchResult {
  readonly matches: readonly Correspondence[];
  readonly imageA: RgbImage;
  readonly imageB: RgbImage;
}

/**
 * Dense correspondence: which place of picture B looks most like a place of picture A, by patch features.
 * @throws {DenseError} BAD_INPUT for a picture that cannot be read or a point outside A; as {@link FeatureExtractor.load}
 */
export async function matchImages(a: ImageSource, b: ImageSource, options: MatchOptions = {}): Promise<MatchResult> {
  const { layer = 'last', points, max = 30, out, signal } = options;
  const [imageA, imageB] = await Promise.all([decodeImage(a, { signal }), decodeImage(b, { signal })]);
  const extractor = await FeatureExtractor.load({ ...options, layers: [layer] });
  try {
    const { layers } = await extractor.run(extractor.prepare([imageA, imageB]), signal ? { signal } : {});
    const tokens = layers.get(layer)!;
    const [fa, fb] = [extractor.toGrid(layer, tokens, 0), extractor.toGrid(layer, tokens, 1)];
    const [sa, sb] = [imageA, imageB].map(({ shape }) => ({ height: shape[0], width: shape[1] }));
    const matches = points ? matchPoints(points, fa, fb, sa, sb) : matchPictures(fa, fb, sa, sb, max);
    if (out !== undefined) await writeWhole(out, await encodePng(drawMatches(imageA, imageB, matches, resizeImage)));
    return { matches, imageA, imageB };
  } finally {
    await extractor.close();
  }
}
