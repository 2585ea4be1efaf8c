import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXTERNAL_HEADS, isExternal, parseModelJson } from '../../src/model/index.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/models/', import.meta.url));
const page = readFileSync(new URL('../../docs/own-detector.md', import.meta.url), 'utf8');
const families = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name);
const read = (family: string) => JSON.parse(readFileSync(join(EXAMPLES, family, 'model.json'), 'utf8')) as unknown;

describe('examples/models', () => {
  test('has every kind', () => {
    const kinds = families.map(family => parseModelJson(read(family), family).heads.detection?.kind);
    expect(new Set(kinds)).toEqual(new Set(Object.keys(EXTERNAL_HEADS)));
  });
  test.each(families)('%s is a model.json, and stands in docs/own-detector.md', family => {
    const json = parseModelJson(read(family), family);
    expect(isExternal(json.heads.detection)).toBe(true);
    expect(page).toContain(`examples/models/${family}/model.json`);
  });
  test.each(families)('a misspelt key of %s is named', family => {
    const json = structuredClone(read(family)) as { heads: { detection: Record<string, unknown> } };
    json.heads.detection.stridez = [8];
    expect(() => parseModelJson(json, family)).toThrow(/stridez/);
  });
});

describe('docs/own-detector.md', () => {
  const blocks = [...page.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(
    m => JSON.parse(m[1]!) as Record<string, unknown>,
  );
  test('shows heads that the schema takes', () => {
    const heads = blocks.filter(block => typeof block.kind === 'string');
    expect(new Set(heads.map(head => head.kind))).toEqual(new Set(Object.keys(EXTERNAL_HEADS)));
    for (const head of heads)
      expect(EXTERNAL_HEADS[head.kind as keyof typeof EXTERNAL_HEADS].safeParse(head).error).toBeUndefined();
  });
  test('names every key of every kind', () => {
    for (const [kind, schema] of Object.entries(EXTERNAL_HEADS))
      for (const key of Object.keys(schema.shape).filter(k => k !== 'kind'))
        expect(page, `${kind}.${key}`).toContain(`\`${key}\``);
  });
});
