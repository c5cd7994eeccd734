/** Lets the event loop run. Timers of a page wait four milliseconds or more; messages do not. */
export const pause: () => Promise<void> =
  typeof setImmediate === 'function' ? () => new Promise((resolve) => void setImmediate(resolve)) : pauseByMessage()

function pauseByMessage(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  // Node's types of a port, which stand here for a page's, have no such property.
  Reflect.set(port1, 'onmessage', () => waiting.shift()?.())
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      port2.postMessage(0)
    })
}
