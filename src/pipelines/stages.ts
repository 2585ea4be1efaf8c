/** What a picture passes through, in order. */
export const STAGES = ['decode', 'resize', 'network', 'postprocess'] as const;
export type Stage = (typeof STAGES)[number];

/**
 * Hears when a piece of a stage was done. Pieces of different stages overlap in time, and so do those of `decode`; a
 * `network` piece begins when it is handed over, so it holds the wait for the pass before it.
 *
 * @param from `performance.now()` at its start
 * @param to   the same at its end
 */
export type StageSink = (stage: Stage, from: number, to: number) => void;
