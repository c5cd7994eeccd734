/**
 * Imports go downward only. For each folder of src/, the folders it may import from besides itself; a folder that is
 * not here fails the check, so a new one states its place.
 */
const ALLOWED = {
  util: [],
  ir: ['util'],
  autodiff: ['ir', 'util'],
  passes: ['ir', 'util'],
  codegen: ['ir', 'util'],
  nn: ['ir', 'util'],
  models: ['nn', 'ir', 'util'],
  train: ['ir', 'autodiff', 'nn', 'util'],
  // Of the IR, data and the runtime know the element types alone: a page ships a program without the compiler.
  data: ['util', 'ir/dtype.ts'],
  runtime: ['util', 'ir/dtype.ts', 'codegen/program.ts'],
  checkpoint: ['models', 'nn', 'data', 'runtime', 'ir', 'util'],
  generate: ['models', 'nn', 'data', 'ir', 'util', 'compile.ts'],
  plan: ['models', 'train', 'autodiff', 'nn', 'codegen', 'passes', 'ir', 'util'],
  chat: ['generate', 'models', 'nn', 'data', 'ir', 'util', 'compile.ts'],
}

/** See every layer but the command line, which nothing imports. */
const ROOTS = '^src/(?:compile|index|node)[.]ts$'
const CLI = '^src/cli/'

const pathOf = (part) => (part.endsWith('.ts') ? `^src/${part.replace('.', '[.]')}$` : `^src/${part}/`)

const layerRules = Object.entries(ALLOWED).map(([layer, parts]) => ({
  name: `${layer}-imports-downward`,
  comment: `src/${layer} may import from ${parts.join(', ') || 'nothing'} (and itself). See docs/architecture.md.`,
  severity: 'error',
  from: { path: pathOf(layer) },
  to: { path: '^src/', pathNot: [pathOf(layer), ...parts.map(pathOf)] },
}))

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'runtime-knows-programs-by-type-only',
      comment: 'The runtime takes a program as plain data: it may import its types, no code of the compiler.',
      severity: 'error',
      from: { path: '^src/runtime/' },
      to: { path: '^src/codegen/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-imports-the-command-line',
      severity: 'error',
      from: { path: '^src/', pathNot: CLI },
      to: { path: CLI },
    },
    {
      name: 'every-file-has-a-layer',
      comment: 'Add the new folder and what it may import to ALLOWED in .dependency-cruiser.cjs.',
      severity: 'error',
      from: { path: '^src/', pathNot: [ROOTS, CLI, ...Object.keys(ALLOWED).map(pathOf)] },
      to: {},
    },
    {
      name: 'no-circular',
      comment:
        'Move what both files need into a third, or the one function into the other file. A cycle that some type-only ' +
        'import closes is let be: it is gone at run time, and records that describe each other need it.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'Misspelt, or a package that package.json lacks.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-packages-in-src',
      comment: 'Users install only "dependencies". Types of a dev package are fine: they vanish.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true, // sees type-only imports, which the layers hold for as well
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.json'], conditionNames: ['import', 'node', 'default'] },
  },
}
