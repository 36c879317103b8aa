// What the operations port tells Prometheus.
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Node } from './node.ts'

const registries = new WeakMap<Node, Registry>()

function registryOf(node: Node): Registry {
  const known = registries.get(node)
  if (known !== undefined) return known
  const registry = new Registry()
  registries.set(node, registry)
  collectDefaultMetrics({ register: registry })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('headgear_statements_total', 'SQL statements sent since the start.', () => node.world.db.statements())
  gauge('headgear_log_fresh', '1 while cached answers may be given.', () => (node.log.fresh() ? 1 : 0))
  gauge('headgear_log_polls_total', 'Completed polls of the event log.', () => node.log.turn())
  gauge('headgear_cached_sessions', 'Sessions held in memory.', () => node.sessions.cache.size())
  return registry
}

export async function metrics(node: Node): Promise<{ body: string; type: string }> {
  const registry = registryOf(node)
  return { body: await registry.metrics(), type: registry.contentType }
}
