#!/usr/bin/env node
// Starts the built command line when it is whole and not older than the sources, else the sources through tsx.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const built = new URL('dist/cli/main.js', root);
const stamp = new URL('dist/.complete', root); // tools/build.mjs writes it last
const source = new URL('src/cli/main.ts', root);

function stop(what, why, fix) {
  process.stderr.write(`error: ${what}\n  why: ${why}\n  fix: ${fix}\n`);
  process.exit(1);
}

function newestUnder(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const url = new URL(entry.isDirectory() ? `${entry.name}/` : entry.name, folder);
    newest = Math.max(newest, entry.isDirectory() ? newestUnder(url) : statSync(url).mtimeMs);
  }
  return newest;
}

function builtIsFresh() {
  if (!existsSync(built) || !existsSync(stamp)) return false;
  return !existsSync(source) || statSync(stamp).mtimeMs >= newestUnder(new URL('src/', root));
}

async function load() {
  if (builtIsFresh()) return import(built.href);
  if (!existsSync(source))
    stop('pe-dense is not installed whole', `${fileURLToPath(built)} is missing`, 'install the package again');
  const { register } = await import('tsx/esm/api');
  register();
  return import(source.href);
}

const major = Number(process.versions.node.split('.')[0]);
if (major < 20)
  stop(
    `pe-dense needs Node 20 or newer, this is ${process.versions.node}`,
    'it uses language and library features that older versions lack',
    'install a newer Node from https://nodejs.org and run the command again',
  );

let cli;
try {
  cli = await load();
} catch (error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !/Cannot find package/.test(error.message)) throw error;
  stop(
    'a package that pe-dense needs is not installed',
    error.message.split('\n')[0],
    existsSync(source) ? `run "npm ci" in ${fileURLToPath(root)}` : 'install pe-dense again',
  );
}
const alive = setInterval(() => {}, 2 ** 30); // what is awaited may, for a moment, hang on nothing that keeps Node running
try {
  process.exitCode = await cli.main(process.argv.slice(2));
} finally {
  clearInterval(alive);
}
