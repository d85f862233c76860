// Who may import whom (STYLE.md, section 3). checks/layers.test.ts plants one violation of each rule.

const service = '^src/services/([^/]+)/'
/** Tests, and what only tests may use. */
const tests = '(\\.test\\.ts$|/tests/|^src/core/testing/|^src/app/testing/)'
/** What must be true of the rows of any cloud at rest. */
const rowInvariants = 'rows|rows-invariants|places|faults'
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })
const packages = (...names) => `(^|node_modules/)(${names.join('|')})(/|$)`
/** A package or built-in module that belongs to some folders only. */
const onlyIn = (name, folders, modules) =>
  rule(name, `Only ${folders} may import it.`, { path: '^src/', pathNot: folders }, { path: modules, dependencyTypesNot: ['type-only'] })

module.exports = {
  forbidden: [
    rule('core-knows-no-service', 'core is below every service.', { path: '^src/core/' }, { path: '^src/(services|app|simulation)/' }),
    rule('services-know-no-app', 'app composes services, not the other way round.', { path: '^src/services/', pathNot: tests }, { path: '^src/(app|simulation)/' }),
    rule('services-meet-at-contracts', 'Import the other service by its contract: #contract/<name>.', { path: service },
      { path: service, pathNot: ['^src/services/$1/', '^src/services/[^/]+/contract/'] }),
    rule('contract-is-pure', 'A contract is data and types made with core/spec.', { path: `${service}contract/`, pathNot: tests },
      { path: '^src/', pathNot: ['^src/core/spec/', '^src/services/[^/]+/contract/'] }),
    rule('model-knows-nobody', 'The model imports core and contracts only.', { path: `${service}model/`, pathNot: tests },
      { path: '^src/services/$1/', pathNot: '^src/services/$1/(model|contract)/' }),
    rule('domain-knows-no-api', 'api and workers call the domain, not the other way round.',
      { path: `${service}(model|domain|db|drivers|host)/` }, { path: '^src/services/$1/(api|workers)/' }),
    rule('domain-knows-no-driver', 'The domain decides; a host or a worker drives.', { path: `${service}domain/`, pathNot: tests },
      { path: '^src/services/$1/(drivers|host)/' }),
    rule('host-knows-no-db', 'A compute or network host asks over the bus.', { path: `${service}host/`, pathNot: tests },
      { path: ['^src/services/$1/(db|domain)/', '^src/core/db/'] }),
    rule('db-is-a-leaf', 'db uses the model only.', { path: `${service}db/`, pathNot: tests },
      { path: '^src/services/$1/', pathNot: '^src/services/$1/(db|model|contract)/' }),
    rule('drivers-stand-alone', 'A driver sees no other driver and nothing above it.', { path: `${service}drivers/([^/]+)/`, pathNot: tests },
      { path: '^src/services/$1/', pathNot: ['^src/services/$1/drivers/($2/|interface|index)', '^src/services/$1/(model|contract)/'] }),
    rule('drivers-know-no-db', 'A driver sees no database.', { path: `${service}drivers/`, pathNot: tests }, { path: '^src/core/db/' }),
    rule('row-invariants-know-only-rows', 'A real cloud is checked by them as well: they see no engine, no ledger and nothing of a simulation.',
      { path: `^src/simulation/(${rowInvariants})\\.ts$` }, { path: '^src/', pathNot: `^src/(core/db/|simulation/(${rowInvariants}|storage)\\.ts$)` }),
    onlyIn('sql-only-in-db', '^src/(core/db|services/[^/]+/db)/', packages('kysely')),
    onlyIn('engines-only-in-core-db', '^src/core/db/', [packages('pg', 'mysql2', 'better-sqlite3'), '^(node:)?sqlite$']),
    onlyIn('typebox-only-in-core-spec', '^src/core/spec/', packages('typebox')),
    onlyIn('amqp-only-in-core-rpc', '^src/core/rpc/', packages('amqplib', 'rabbitmq-client')),
    onlyIn('processes-only-in-core-process', '^src/(core/process|app)/', '^(node:)?child_process$'),
    rule('tests-stay-out-of-production', 'What only tests use must not be imported elsewhere.', { path: '^src/', pathNot: tests }, { path: tests }),
    rule('production-needs-no-dev-dependency', 'Declare it under dependencies.', { path: '^src/', pathNot: tests },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] }),
    rule('packages-are-declared', 'Declare the package in package.json.', { path: '^src/' }, { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
    rule('imports-resolve', 'The imported file does not exist.', {}, { couldNotResolve: true }),
    rule('no-cycles', 'Move what both need below both.', {}, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
