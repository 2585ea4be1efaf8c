export { BOX_STYLES, type Box, type BoxStyle, drawBoxFrame } from './box-frames.ts';
export { type DrawOptions, drawDetections } from './boxes.ts';
export { detectionsSvg, type SvgDrawOptions } from './boxes-svg.ts';
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
export { drawingSizes } from './chips.ts';
export { classColor, luminance, type Rgb, textColorOn } from './color.ts';
export { CONCEAL_KINDS, type ConcealKind, type ConcealOptions, concealDetections } from './conceal.ts';
export { type ColorBarOptions, colorBar, roundTicks } from './depth-bar.ts';
export {
  DEFAULT_FAR,
  DEFAULT_FOV,
  DEFAULT_NEAR,
  type DepthSpace,
  depthSpace,
  type Pinhole,
  pinhole,
  type SpaceOptions,
} from './depth-camera.ts';
export {
  COLOR_MAPS,
  type ColorMap,
  type ColorRow,
  colorizeDepth,
  colorRange,
  colorTable,
  type DepthColorOptions,
  type DepthRange,
  depthColorRows,
} from './depth-color.ts';
export { type ContourOptions, drawContours } from './depth-contours.ts';
export { type SidePanel, sideBySide, sideGap } from './depth-side.ts';
export {
  addHeat,
  drawHeat,
  type HeatAnchor,
  type HeatGrid,
  type HeatOptions,
  heatGrid,
  heatValues,
} from './heat.ts';
export { type LabelRequest, placeLabels, type Rect } from './labels.ts';
export { drawMasks, type MaskDrawOptions } from './masks.ts';
export { type DrawnMatch, drawMatches } from './matches.ts';
export { type DepthMeshOptions, depthMeshGlb, type MeshTexture } from './mesh-gltf.ts';
export { drawFeatures, type FeaturePictureOptions, type Pca, principalComponents } from './pca.ts';
export { type PointCloudOptions, pointCloudPly } from './point-cloud.ts';
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
