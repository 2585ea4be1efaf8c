import { fail } from '../core/index.ts';
import type { ProblemSink } from './types.ts';

/** The sink of strict readers. @throws {DenseError} BAD_INPUT with the first fault */
export const strictly: ProblemSink = ({ where, what, why, fix }) => fail('BAD_INPUT', `${where} ${what}`, why, fix);
