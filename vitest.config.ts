import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 180_000,
    maxWorkers: 2,
    pool: 'forks', // onnxruntime's native module does not load twice in worker threads of one process
    benchmark: { include: ['bench/**/*.bench.ts'] },
  },
});
