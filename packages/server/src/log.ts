// The JSON log. It knows the names under which secrets travel, so that none is written by accident.
import { type Logger as PinoLogger, pino } from 'pino'

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child'>

const secretNames = [
  'password',
  'new_password',
  'client_secret',
  'code',
  'code_verifier',
  'refresh_token',
  'access_token',
  'id_token',
  'id_token_hint',
  'token',
  'device_secret',
  'cookie',
  'set-cookie',
  'authorization',
  'dpop',
  'secret',
  'secrets',
  'private_key',
  'x_password',
  'x_code',
  // Of a failed statement: the embedded database's errors carry its values.
  'params',
]

export type LogSink = { write(line: string): void }

/** Makes the logger: one JSON object a line, `level` as a word, `time` in ISO 8601, secrets masked by name. */
export function makeLogger(options: { level: string; sink?: LogSink }): Logger {
  const names = secretNames.map((name) => (name.includes('-') ? `["${name}"]` : name))
  const paths = names.flatMap((name) => [name, name.startsWith('[') ? `*${name}` : `*.${name}`])
  const settings = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths, censor: '[secret]' },
  }
  return options.sink ? pino(settings, options.sink) : pino(settings)
}
