/** The house's one-way arrow (docs/architecture.md): a room imports itself, core, and what is listed here. */
const ROOMS = {
  core: [],
  image: [],
  checkpoint: [],
  onnx: [],
  backbone: ['onnx', 'checkpoint'],
  heads: ['onnx', 'backbone'],
  postprocess: [],
  track: [],
  evaluate: [],
  data: [],
  render: [],
  video: ['image'],
  model: ['checkpoint'],
};

const leafRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `arrow-${room}`,
  comment: `src/${room} may import ${[room, 'core', ...allowed].join(', ')} only`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, 'core', ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...leafRules,
    {
      name: 'arrow-pipelines',
      severity: 'error',
      comment: 'pipelines compose rooms; they never reach up to the command line, the server or the public API',
      from: { path: '^src/pipelines/' },
      to: { path: '^src/(cli|server)/|^src/index\\.ts$' },
    },
    {
      name: 'arrow-cli',
      severity: 'error',
      comment: 'nothing imports the command line or the server but themselves',
      from: { pathNot: '^src/(cli|server)/' },
      to: { path: '^src/(cli|server)/' },
    },
    {
      name: 'door',
      severity: 'error',
      comment: 'a room is entered through its index.ts',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/([^/]+)/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'declared-packages',
      severity: 'error',
      comment: 'product code uses only packages listed as dependencies',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'],
        pathNot: '^node_modules/@types/',
      },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    exclude: { path: '^(dist|test|bench|tools)/' },
  },
};
