/**
 * Writes a small scene in every depth format to test/golden/depth-exports/, for depth_exports.py to read:
 * `npx tsx tools/golden/depth_exports.ts && python tools/golden/depth_exports.py`
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { exportScene } from '../../test/pipelines/depth/scene.ts';

const folder = fileURLToPath(new URL('../../test/golden/depth-exports/', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const [name, bytes] of Object.entries(await exportScene())) writeFileSync(folder + name, bytes);
