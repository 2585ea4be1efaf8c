export { type DrawOptions, drawDetections, drawingSizes } from './boxes.ts';
export { copyImage, drawLine, fillRect, paintCoverage, strokeRect } from './canvas.ts';
export {
  type Bar,
  type BarChart,
  barChart,
  escapeXml,
  type Heatmap,
  heatmap,
  type Line,
  type LineChart,
  lineChart,
  type Mark,
  mix,
} from './charts/index.ts';
export { classColor, luminance, type Rgb, textColorOn } from './color.ts';
export { type LabelRequest, placeLabels, type Rect } from './labels.ts';
export { type DrawnMatch, drawMatches } from './matches.ts';
export { drawFeatures, type FeaturePictureOptions, type Pca, principalComponents } from './pca.ts';
export { type Coverage, fillOutline, type Point } from './raster.ts';
export { lineMetrics, rasterizeText, textWidth } from './text.ts';
export {
  type DrawnLine,
  type DrawnTracks,
  type DrawnZone,
  drawTracks,
  drawTrail,
  type TrackDrawOptions,
} from './tracks.ts';
