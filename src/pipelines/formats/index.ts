import { join } from 'node:path';
import { GrowingFile, readIfThere, writeWhole } from './atomic.ts';
import { cocoText } from './coco.ts';
import { CSV_HEADER, csvByPicture, csvText } from './csv.ts';
import { jsonlByPicture, jsonlText } from './jsonl.ts';
import type { PictureRecord } from './record.ts';
import { vocText } from './voc.ts';
import { yoloClasses, yoloText } from './yolo.ts';

export const DETECTION_FORMATS = ['coco', 'jsonl', 'csv', 'yolo', 'voc'] as const;
export type DetectionFormat = (typeof DETECTION_FORMATS)[number];

/** Text of a picture's detections in a format; csv without its header. */
export const FORMAT_TEXT: Record<DetectionFormat, (record: PictureRecord) => string> = {
  coco: cocoText,
  jsonl: jsonlText,
  csv: csvText,
  yolo: yoloText,
  voc: vocText,
};

/** Formats of one file per picture, and how its name ends. */
const PER_PICTURE: Partial<Record<DetectionFormat, string>> = { coco: '.detections.json', yolo: '.txt', voc: '.xml' };
/** Formats of one file per run. */
const PER_RUN = {
  jsonl: { name: 'detections.jsonl', byPicture: jsonlByPicture },
  csv: { name: 'detections.csv', byPicture: csvByPicture },
} as const;

/** What a format's text begins with. */
export function formatHeader(format: DetectionFormat): string {
  return format === 'csv' ? CSV_HEADER : '';
}

/** Writes one format of a run below a folder. */
export interface FormatWriter {
  /** File of a picture, or nothing when the format has one file per run. */
  pathOf(stem: string): string | undefined;
  /** Rows that an earlier run left for a picture; undefined when there are none, or for a file per picture. */
  earlier(fileName: string): string | undefined;
  /** Carries an earlier run's rows over. */
  keep(fileName: string): Promise<void>;
  write(stem: string, record: PictureRecord): Promise<void>;
  /** Completes what is written: call it also when the run was cut short. */
  finish(): Promise<void>;
}

/**
 * Opens a format's writer.
 * @param resume read what an earlier run left, so that {@link FormatWriter.earlier} knows it
 */
export async function openFormat(
  format: DetectionFormat,
  out: string,
  labels: readonly string[],
  resume: boolean,
): Promise<FormatWriter> {
  if (format === 'csv' || format === 'jsonl') return openPerRun(format, out, resume);
  if (format === 'yolo') await writeWhole(join(out, 'classes.txt'), yoloClasses(labels));
  const pathOf = (stem: string) => join(out, `${stem}${PER_PICTURE[format]}`);
  return {
    pathOf,
    earlier: () => undefined,
    keep: async () => {},
    write: (stem, record) => writeWhole(pathOf(stem), FORMAT_TEXT[format](record)),
    finish: async () => {},
  };
}

async function openPerRun(format: 'csv' | 'jsonl', out: string, resume: boolean): Promise<FormatWriter> {
  const { name, byPicture } = PER_RUN[format];
  const path = join(out, name);
  const rows = resume ? byPicture((await readIfThere(path)) ?? '') : new Map<string, string>();
  const file = await GrowingFile.open(path);
  await file.append(formatHeader(format));
  return {
    pathOf: () => undefined,
    earlier: fileName => rows.get(fileName),
    keep: fileName => file.append(rows.get(fileName) ?? ''),
    write: (_, record) => file.append(FORMAT_TEXT[format](record)),
    finish: () => file.finish(),
  };
}
