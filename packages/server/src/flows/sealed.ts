// Secrets that a flow has to show again before it ends: in its facts they are sealed.
import { newRecoveryCodes } from '../authenticators/recovery_codes.ts'
import { newTotpSecret } from '../authenticators/totp.ts'
import type { Node } from '../node.ts'
import type { Project } from '../projects/find.ts'

const context = (project: Project) => `flow ${project.id}`

export function sealTotpSecret({ sealer, world }: Node, project: Project): string {
  return sealer.seal(newTotpSecret(world.random), context(project))
}

export function sealRecoveryCodes({ sealer, world }: Node, project: Project): string {
  const codes = newRecoveryCodes(project.config.authentication.recovery_code.count, world.random)
  return sealer.seal(JSON.stringify(codes), context(project))
}

/** @throws Error when it was sealed elsewhere. */
export function openTotpSecret({ sealer }: Pick<Node, 'sealer'>, project: Project, sealed: string): string {
  return sealer.open(sealed, context(project)).toString()
}

/** @throws Error when they were sealed elsewhere. */
export function openRecoveryCodes({ sealer }: Pick<Node, 'sealer'>, project: Project, sealed: string): string[] {
  return JSON.parse(sealer.open(sealed, context(project)).toString()) as string[]
}
