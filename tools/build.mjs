#!/usr/bin/env node
// Compiles src/ into dist/ (or --out DIR). The stamp file is written last: bin/pe-dense.mjs trusts dist/ only with it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const at = process.argv.indexOf('--out');
const out = at < 0 ? resolve(root, 'dist') : resolve(process.argv[at + 1] ?? stop('--out needs a folder'));

function stop(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}

rmSync(resolve(out, '.complete'), { force: true });
if (existsSync(out)) rmSync(out, { recursive: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', out], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
copyFileSync(resolve(root, 'src/render/LICENSES'), resolve(out, 'render/LICENSES')); // of the letters in font-data.js
writeFileSync(resolve(out, '.complete'), `${new Date().toISOString()}\n`);
