/** Kinds of faults `data check` finds, how bad they are, and what they are called. */
export const FINDINGS = {
  'unreadable-picture': { severity: 'error', title: 'pictures that are missing or damaged' },
  'wrong-size': { severity: 'error', title: 'pictures whose size is not the annotated one' },
  'bad-record': { severity: 'error', title: 'annotations that cannot be used' },
  'unknown-class': { severity: 'error', title: 'objects of a class that is not listed' },
  'unknown-picture': { severity: 'error', title: 'objects of a picture that is not listed' },
  'empty-box': { severity: 'error', title: 'boxes without width or height' },
  'box-outside': { severity: 'error', title: 'boxes outside their picture' },
  leak: { severity: 'error', title: 'the same picture in two splits' },
  'near-leak': { severity: 'warning', title: 'pictures that look alike in two splits' },
  'repeated-name': { severity: 'warning', title: 'pictures listed twice' },
  'duplicate-picture': { severity: 'warning', title: 'the same picture twice' },
  'near-duplicate': { severity: 'warning', title: 'pictures that look alike' },
  'box-over-edge': { severity: 'warning', title: 'boxes that stick out of their picture by over a pixel' },
  'tiny-box': { severity: 'warning', title: 'boxes narrower or lower than 2 pixels' },
  'duplicate-box': { severity: 'warning', title: 'boxes that repeat another of their class' },
  'unused-label': { severity: 'warning', title: 'label files without a picture' },
  'unlisted-picture': { severity: 'warning', title: 'pictures in the folder that no annotation names' },
  'empty-class': { severity: 'warning', title: 'classes without objects' },
} as const satisfies Record<string, { severity: 'error' | 'warning'; title: string }>;
export type FindingKind = keyof typeof FINDINGS;

/** One fault. */
export interface Finding {
  readonly kind: FindingKind;
  readonly severity: 'error' | 'warning';
  readonly text: string;
  /** the picture, as {@link DataPicture.file} */
  readonly file?: string | undefined;
  readonly split?: string | undefined;
  /** place of the object in the picture's list, from 0 */
  readonly object?: number | undefined;
}

/** Makes a finding; its severity is its kind's. */
export function finding(
  kind: FindingKind,
  text: string,
  at: Omit<Finding, 'kind' | 'severity' | 'text'> = {},
): Finding {
  return { kind, severity: FINDINGS[kind].severity, text, ...at };
}

/** How many findings of each kind there are, worst kinds first. */
export function countFindings(findings: readonly Finding[]): Partial<Record<FindingKind, number>> {
  const counts: Partial<Record<FindingKind, number>> = {};
  for (const kind of Object.keys(FINDINGS) as FindingKind[]) {
    const n = findings.filter(f => f.kind === kind).length;
    if (n > 0) counts[kind] = n;
  }
  return counts;
}
