import { posix } from 'node:path';

/** True when a path asks for matching: `*`, `?`, `[...]` or `{a,b}`. */
export function hasMagic(pattern: string): boolean {
  return /[*?[\]{}]/.test(pattern);
}

/** The folder a pattern starts from: everything before the first part with magic. */
export function globBase(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(hasMagic);
  const base = parts.slice(0, first).join('/');
  return base === '' ? (pattern.startsWith('/') ? '/' : '.') : base;
}

/**
 * Regular expression of a whole path: `*` and `?` stay inside one part, `**` crosses parts (also none),
 * `[a-z]` `[!a-z]` are sets, `{a,b}` alternatives, `\` takes the next character as it is.
 */
export function globToRegExp(pattern: string): RegExp {
  const text = posix.normalize(pattern);
  let source = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (text.startsWith('**/', i) && (i === 0 || text[i - 1] === '/')) {
      source += '(?:[^/]+/)*';
      i += 2;
    } else if (text.startsWith('**', i)) {
      source += '.*';
      i += 1;
    } else if (c === '*') source += '[^/]*';
    else if (c === '?') source += '[^/]';
    else if (c === '[' && text.indexOf(']', i + 2) > 0) {
      const end = text.indexOf(']', i + 2);
      source += `[${text
        .slice(i + 1, end)
        .replace(/^!/, '^')
        .replaceAll('\\', '\\\\')}]`;
      i = end;
    } else if (c === '{' && text.indexOf('}', i) > 0) {
      source += '(?:';
      depth++;
    } else if (c === '}' && depth > 0) {
      source += ')';
      depth--;
    } else if (c === ',' && depth > 0) source += '|';
    else if (c === '\\' && i + 1 < text.length) source += quoted(text[++i]!);
    else source += quoted(c);
  }
  return new RegExp(`^${source}$`);
}

function quoted(c: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c;
}
