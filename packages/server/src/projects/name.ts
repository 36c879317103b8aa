// What people call a project. Rules only.
import type { Project } from './find.ts'

/** Its id in words: `acme-notes` is «Acme notes». An id that says nothing, `default`, leaves it to the first app. */
export function projectName({ id, config }: Pick<Project, 'id' | 'config'>): string {
  const app = id === 'default' ? config.oauth.clients[0] : undefined
  const words = app?.client_name ?? app?.name ?? id.replaceAll('-', ' ')
  return words.charAt(0).toLocaleUpperCase('en') + words.slice(1)
}
