export {
  CategoryTable,
  cocoCategoryIds,
  mergeDatasets,
  parseNames,
  splitsOf,
  takeSplit,
} from './categories.ts';
export { type ClassCount, checkBoxes, classBalance } from './check-boxes.ts';
export { cocoPictureIds, datasetFromCoco, datasetToCoco } from './coco.ts';
export { type CsvPicture, type CsvTable, formatCsv, parseCsvTable } from './csv.ts';
export { csvLine, parseCsv } from './csv-cells.ts';
export { countFindings, FINDINGS, type Finding, type FindingKind, finding } from './findings.ts';
export { type Loss, lossesOf, type WriteOptions, withoutCrowds } from './losses.ts';
export { type NearPair, nearPairs, pooledFeatures } from './near.ts';
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
