import { expect, test } from 'vitest'
import type { Project } from './find.ts'
import { projectName } from './name.ts'

const project = (id: string, ...clients: object[]) => ({ id, config: { oauth: { clients } } }) as unknown as Project

test('a project goes by its id in words; `default` goes by its first app', () => {
  expect(projectName(project('acme-notes', { name: 'Other' }))).toBe('Acme notes')
  expect(projectName(project('default', { name: 'demo app' }))).toBe('Demo app')
  expect(projectName(project('default', { name: 'internal', client_name: 'Notes' }))).toBe('Notes')
  expect(projectName(project('default'))).toBe('Default')
})
