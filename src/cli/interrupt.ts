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
    if (created.signal.aborted) {
      // By the signal itself, which shells report as 130: process.exit in the middle of a run makes onnxruntime abort.
      process.removeAllListeners('SIGINT');
      process.kill(process.pid, 'SIGINT');
      return;
    }
    created.abort();
  });
  return created.signal;
}

let readerGone = false;

/** The reader of our output has closed it (`| head`): work winds down as after Ctrl-C, but it is no error. */
export function stopForClosedPipe(): void {
  readerGone = true;
  controller?.abort();
}

/** Whether {@link stopForClosedPipe} was called. */
export function isReaderGone(): boolean {
  return readerGone;
}
