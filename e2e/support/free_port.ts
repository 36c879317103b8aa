export { freePort } from '../../packages/server/test/support/free_port.ts'
