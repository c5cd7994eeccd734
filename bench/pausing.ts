import type { ChildProcess } from 'node:child_process'

/**
 * Stops a process until it is told to go on: threads that spin after a run, and compilers in the background, must not
 * take time from whose turn it is. Where the system has no such signals the process just goes on.
 */
export const stop = (child: ChildProcess | null): void => signal(child, 'SIGSTOP')
export const goOn = (child: ChildProcess | null): void => signal(child, 'SIGCONT')

const signal = (child: ChildProcess | null, name: 'SIGSTOP' | 'SIGCONT'): void => {
  if (process.platform !== 'win32') child?.kill(name)
}
