// Unprivileged commands: an argument array, a deadline, a process group that is killed as a whole, a cap on output.
import { spawn } from 'node:child_process'
import { CommandFailed } from './errors.ts'
import type { Finished, ProcessRunner, RunOptions } from './interface.ts'

export const maximumOutputBytes = 8 * 1024 * 1024

export function createProcessRunner(): ProcessRunner {
  return { run: runCommand }
}

/** The program and arguments with its limits put in front (prlimit, of util-linux). */
function withLimits(file: string, args: readonly string[], limits: RunOptions['limits']): [string, string[]] {
  if (!limits) return [file, [...args]]
  const flags: string[] = []
  if (limits.addressSpaceBytes !== undefined) flags.push(`--as=${Math.floor(limits.addressSpaceBytes)}`)
  if (limits.cpuSeconds !== undefined) flags.push(`--cpu=${Math.ceil(limits.cpuSeconds)}`)
  return ['/usr/bin/prlimit', [...flags, '--', file, ...args]]
}

export function runCommand(file: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const [program, programArgs] = withLimits(file, args, options.limits)
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(options.signal.reason)
    const child = spawn(program, programArgs, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/' },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    const killGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // The group is gone already.
      }
    }
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      killGroup()
    }, options.timeoutSeconds * 1000)
    options.signal?.addEventListener('abort', killGroup, { once: true })
    const stdout = collect(child.stdout)
    const stderr = collect(child.stderr)
    const settled = () => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', killGroup)
    }
    child.on('error', (cause) => {
      settled()
      reject(new CommandFailed({ program: file, stderr: cause.message }))
    })
    child.on('close', (code) => {
      settled()
      if (options.signal?.aborted) return reject(options.signal.reason)
      if (code === 0 && !timedOut) return resolve({ stdout: stdout(), stderr: stderr() })
      reject(new CommandFailed({ program: file, exitCode: code ?? undefined, stderr: stderr(), timedOut }))
    })
    // A program that ends without reading its input is no error of ours; its exit code speaks.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
  })
}

/** Keep the first 8 MiB of a stream and read on, so that the program is never blocked by us. */
function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let room = maximumOutputBytes
  stream.on('data', (chunk: Buffer) => {
    if (room > 0) chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    room -= chunk.length
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
