let controller: AbortController | undefined;

/**
 * A signal that fires on the first Ctrl-C, so that a command can finish the file it is writing; the second Ctrl-C
 * ends the process at once. Until a command asks for it, Ctrl-C keeps its usual meaning.
 */
export function interruptSignal(): AbortSignal {
  if (controller) return controller.signal;
  const created = new AbortController();
  controller = created;
  process.on('SIGINT', () => {
    if (created.signal.aborted) process.exit(130);
    created.abort();
  });
  return created.signal;
}
