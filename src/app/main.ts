// The command line. Each command is loaded when it is called.
import { enableCompileCache } from 'node:module'
import { isIP, isIPv4 } from 'node:net'
import { Command } from 'commander'
import type { SimulateOptions } from './commands/simulate.ts'
import { layout } from './layout.ts'
import { chooseSettings, dataDirectory } from './settings.ts'
import { CommandError } from './terminal.ts'

interface Common {
  readonly data?: string
}

interface Starting extends Common {
  readonly driver?: 'fake' | 'real'
  readonly address?: string
  readonly portOffset?: string
  readonly publicCidr?: string
  readonly config?: string
  readonly logLevel?: string
  readonly json?: boolean
}

const program = new Command('nimbo')
  .description('A whole OpenStack cloud in one process: real APIs, real virtual machines, nothing to set up.')
  .option('--data <folder>', 'the folder that holds everything of the cloud (also NIMBO_DATA)')
  .showHelpAfterError('Add --help to see what the command takes.')
  .configureHelp({ sortSubcommands: false, showGlobalOptions: true })

function starting(command: Command): Command {
  return command
    .option('--driver <kind>', 'real or fake; fake needs neither root nor packages, and runs no guests')
    .option('--address <ip>', 'the address on which the APIs listen')
    .option('--port-offset <number>', 'added to each of OpenStack\'s ports, so that two clouds live side by side')
    .option('--public-cidr <cidr>', 'the range of the network `public` at the first start')
    .option('--config <file>', 'a TOML file with a section per service')
    .option('--log-level <level>', 'debug, info, warn or error')
}

const logLevels = ['debug', 'info', 'warn', 'error']

function isPublicRange(text: string): boolean {
  const [address = '', length = '', more] = text.split('/')
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length) || more !== undefined) return false
  const bits = Number(length)
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return bits >= 8 && bits <= 29 && value % 2 ** (32 - bits) === 0
}

/** A number of things to be shown. */
function count(text: string, option: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value === 0) throw new CommandError(`${option} takes a whole number from 1 on, not ${text}.`)
  return value
}

/** The options of the command and of the program before it. */
function where(options: Common): string {
  return dataDirectory(options.data ?? program.opts<Common>().data)
}

function choices(options: Starting) {
  if (options.driver !== undefined && options.driver !== 'fake' && options.driver !== 'real') throw new CommandError(`--driver takes real or fake, not ${String(options.driver)}.`)
  const offset = options.portOffset === undefined ? undefined : Number(options.portOffset)
  if (offset !== undefined && (!Number.isInteger(offset) || offset < 0 || offset > 30_000)) throw new CommandError('--port-offset takes a whole number from 0 to 30000.')
  if (options.publicCidr !== undefined && !isPublicRange(options.publicCidr)) throw new CommandError(`--public-cidr takes a block of IPv4 addresses from /8 to /29, such as 203.0.113.0/24, not ${options.publicCidr}.`)
  if (options.address !== undefined && isIP(options.address) === 0) throw new CommandError(`--address takes an IP address of this machine, not ${options.address}.`)
  if (options.logLevel !== undefined && !logLevels.includes(options.logLevel)) throw new CommandError(`--log-level takes ${logLevels.join(', ')}, not ${options.logLevel}.`)
  return {
    ...(options.driver && { driver: options.driver }), ...(options.address && { address: options.address }),
    ...(offset !== undefined && { portOffset: offset }), ...(options.publicCidr && { publicCidr: options.publicCidr }),
  }
}

starting(program.command('up').description('set up what is missing and start the cloud in the background'))
  .option('--json', 'print JSON')
  .action(async (options: Starting) => {
    const { up } = await import('./commands/up.ts')
    await up({ directory: where(options), choices: choices(options), arguments: passedOn(options), json: options.json === true })
  })

starting(program.command('run').description('run the cloud in the foreground, for containers and supervisors'))
  .action(async (options: Starting) => {
    const directory = where(options)
    const { makeFolders } = await import('./host.ts')
    makeFolders(layout(directory))
    enableCompileCache(layout(directory).cache)
    const { startInForeground } = await import('./commands/run.ts')
    await startInForeground(directory, choices(options), options)
  })

program.command('down').description('stop the cloud; guests go on running')
  .action(async (options: Common) => (await import('./commands/down.ts')).down(where(options)))

program.command('status').description('what runs, where, and how it is; exits with 0 when the cloud is up, else with 3')
  .option('--json', 'print JSON')
  .action(async (options: Starting) => {
    const { status } = await import('./commands/status.ts')
    if (!(await status(where(options), options.json === true))) process.exitCode = 3
  })

program.command('logs').description('what the cloud wrote to its log')
  .option('-f, --follow', 'go on as it grows').option('-n, --lines <count>', 'how many lines from the end', '100')
  .action(async (options: Common & { follow?: boolean; lines: string }) => (await import('./commands/logs.ts')).logs(where(options), options.follow === true, count(options.lines, '--lines')))

program.command('openrc').description('print the environment for the openstack client')
  .argument('[user]', 'admin or demo', 'demo')
  .option('--json', 'print JSON')
  .action(async (user: string, options: Starting) => (await import('./commands/openrc.ts')).openrc(where(options), user, options.json === true))

program.command('reset').description('stop the cloud and remove all that it has, guests included')
  .option('--yes', 'do not ask')
  .action(async (options: Common & { yes?: boolean }) => (await import('./commands/reset.ts')).reset(where(options), options.yes === true))

const trace = program.command('trace').description('the 51 steps of a server\'s boot')
trace.command('list').description('the boots that are known').option('--json', 'print JSON').option('--limit <count>', 'at most so many', '50')
  .action(async (options: Starting & { limit: string }) => (await import('./commands/trace.ts')).listTraces(where(options), count(options.limit, '--limit'), options.json === true))
trace.command('show').description('the steps of one boot, live while it goes on').argument('<server>', 'id or name').option('--json', 'print JSON')
  .action(async (server: string, options: Starting) => (await import('./commands/trace.ts')).showTrace(where(options), server, options.json === true))

program.command('watch').description('every change of a state as it happens: servers, ports, volumes, operations and their steps')
  .argument('[resource]', 'id or name of a server, volume, image, network, port or router, with what belongs to it; else all of them')
  .option('--project <project>', 'id or name of the project to look at; demo unless it is said').option('--all', 'look at all projects')
  .option('--since <cursor>', 'go on behind this cursor, as --json prints it; `oldest` for all that is kept')
  .option('--wait <operation>', 'wait for this operation to end, and exit with 0 when it ended well, else with 1').option('--json', 'print each event as a line of JSON')
  .action(async (resource: string | undefined, options: Starting & { project?: string; all?: boolean; since?: string; wait?: string }) => {
    const { watch } = await import('./commands/watch.ts')
    const { project, since, wait } = options
    process.exitCode = await watch({
      directory: where(options), all: options.all === true, json: options.json === true,
      ...(resource !== undefined && { resource }), ...(project !== undefined && { project }), ...(since !== undefined && { since }), ...(wait !== undefined && { wait }),
    })
  })

program.command('doctor').description('where the cloud\'s records and its machines differ, and what to do about it')
  .option('--now', 'look at everything first, and wait for it').option('--repair <id>', 'put one finding right, or `all` that can be')
  .option('--history', 'show also what was repaired or went by itself').option('--json', 'print JSON')
  .action(async (options: Starting & { now?: boolean; history?: boolean; repair?: string }) => {
    const { doctor } = await import('./commands/doctor.ts')
    await doctor(where(options), { json: options.json === true, now: options.now === true, history: options.history === true, ...(options.repair !== undefined && { repair: options.repair }) })
  })

program.command('config').description('print a sample of the configuration: every option with its default and what it does')
  .action(async () => (await import('./commands/config.ts')).printSample())

program.command('keys').description('the keys that sign tokens')
  .command('rotate').description('begin a new key; tokens of the older ones stay valid')
  .action(async (options: Common) => (await import('./commands/keys.ts')).rotateKeys(where(options)))

starting(program.command('demo').description('bring the cloud up, boot a server with network, volume and floating IP, and log in to it'))
  .option('--clean', 'remove what the demo made')
  .action(async (options: Starting & { clean?: boolean }) => {
    const { demo } = await import('./commands/demo.ts')
    await demo({ directory: where(options), choices: choices(options), arguments: passedOn(options), clean: options.clean === true })
  })

program.command('simulate').description('play histories of a whole cloud under virtual time, in which everything goes wrong that can')
  .option('--seeds <count>', 'so many histories, 100 unless said otherwise').option('--from <seed>', 'the first seed; new ones each time unless said')
  .option('--seed <seed>', 'tell one history in full').option('--exhaustive', 'kill every kind of operation at every point')
  .option('--story <name>', 'one of the stories of --exhaustive').option('--point <number>', 'where somebody dies in it').option('--victim <who>', 'one (the role that is there), all, or held (that role, while another takes its place)', 'all')
  .option('--threads <count>', 'as many as there are processors unless said otherwise').option('--keep-going', 'do not stop at the first that goes wrong')
  .option('--json', 'print the result as JSON')
  .action(async (options: SimulateOptions) => (await import('./commands/simulate.ts')).simulate(options))

program.command('test').description('run the tests of Nimbo, all or parts').argument('[parts...]', 'types, lint, layers, unused, unit, simulation, engines, acceptance')
  .option('--list', 'name the parts')
  .action(async (parts: string[], options: { list?: boolean }) => (await import('./commands/test.ts')).runTests(parts, options.list === true))

function passedOn(options: Starting): string[] {
  const given: string[] = []
  for (const [name, value] of [['--driver', options.driver], ['--address', options.address], ['--port-offset', options.portOffset], ['--public-cidr', options.publicCidr], ['--config', options.config], ['--log-level', options.logLevel]] as const) {
    if (value !== undefined) given.push(name, value)
  }
  return given
}

// Settings are read once here so that a broken file is reported before anything starts.
program.hook('preAction', (_program, command) => {
  if (!['test', 'simulate'].includes(command.name())) chooseSettings(where(command.opts<Common>()), {})
})

// Whoever reads our output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`nimbo: ${(error as Error).message}\n`)
  if (!(error instanceof CommandError) && process.env['NIMBO_DEBUG']) console.error(error)
  process.exitCode = 1
}
