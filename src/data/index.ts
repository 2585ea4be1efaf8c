export {
  CategoryTable,
  cocoCategoryIds,
  mergeDatasets,
  parseNames,
  splitsOf,
  takeSplit,
} from './categories.ts';
export { cocoPictureIds, datasetFromCoco, datasetToCoco } from './coco.ts';
export { type CsvPicture, type CsvTable, formatCsv, parseCsvTable } from './csv.ts';
export { csvLine, parseCsv } from './csv-cells.ts';
export { type Loss, lossesOf, type WriteOptions, withoutCrowds } from './losses.ts';
export { strictly } from './problems.ts';
export * from './types.ts';
export { formatVoc, parseVoc, type VocPicture } from './voc.ts';
export { childOf, escapedXml, parseXml, textOf, type XmlElement } from './xml.ts';
export {
  formatDataYaml,
  formatYoloLabels,
  parseDarknetData,
  parseDataYaml,
  parseYoloLabels,
  type YoloConfig,
  yoloLabelPaths,
} from './yolo.ts';
