// Reads gathered into one: everything that resolvers ask for in the same moment becomes a single statement.

export type Batch<V> = {
  get(key: string): Promise<V | undefined>
  /** What was read may no longer be true. */
  forget(): void
}

/** `load` gets each key once and gives the values it found. Values are kept until forgotten. */
export function batch<V>(load: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>): Batch<V> {
  const known = new Map<string, Promise<V | undefined>>()
  let waiting: { keys: string[]; answer: Promise<ReadonlyMap<string, V>> } | undefined

  function gather(): { keys: string[]; answer: Promise<ReadonlyMap<string, V>> } {
    const keys: string[] = []
    // Resolvers of one level run in one turn of the event loop, however many promises they pass through.
    const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      waiting = undefined
      return load(keys)
    })
    return { keys, answer }
  }

  return {
    get(key) {
      const before = known.get(key)
      if (before !== undefined) return before
      waiting ??= gather()
      waiting.keys.push(key)
      const value = waiting.answer.then((found) => found.get(key))
      known.set(key, value)
      return value
    },
    forget: () => known.clear(),
  }
}

/** Rows under the key that each belongs to, in their order. */
export function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return groups
}
