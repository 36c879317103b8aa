// What a person types into. A label above; then help, then the error; then the field, which names both.
import type { Child } from 'hono/jsx'
import { Icon } from './icons.tsx'
import { T, useWords } from './sentences.tsx'

type Described = {
  /** The name in the form; also the id, so that it is the same on every visit. */
  name: string
  label: Child
  help?: Child | undefined
  /** Why the last answer was not taken, and what to do; nothing when it was. */
  error?: Child | undefined
  autofocus?: boolean | undefined
}

export type FieldProps = Described & {
  type?: 'text' | 'email' | 'tel' | 'url' | 'date' | 'number' | 'file' | undefined
  value?: string | undefined
  autocomplete?: string | undefined
  inputmode?: 'text' | 'email' | 'tel' | 'url' | 'numeric' | 'decimal' | undefined
  enterkeyhint?: 'next' | 'go' | 'done' | undefined
  maxlength?: number | undefined
  accept?: string | undefined
  optional?: boolean | undefined
  readonly?: boolean | undefined
  /** Set for what is written left to right in every language: addresses, numbers, codes. */
  ltr?: boolean | undefined
  /** Beside the label, such as a link. */
  aside?: Child | undefined
}

/** A one-line field with its label. */
export function Field(props: FieldProps) {
  const { name, label, help, error, optional, aside, ltr, type = 'text', value, autofocus, readonly, ...rest } = props
  return (
    <div class="field">
      <Label name={name} aside={aside}>
        {optional ? <T k="common.optional" vars={{ label: String(label) }} /> : label}
      </Label>
      <Notes name={name} help={help} error={error} />
      <input
        class="input"
        id={name}
        name={name}
        type={type}
        value={value}
        autofocus={autofocus}
        readonly={readonly}
        dir={ltr ? 'ltr' : undefined}
        {...rest}
        {...described(name, help, error)}
      />
    </div>
  )
}

/** What someone signs in with. `kinds` are the login ID types the project takes, in its order. */
export function IdentifierField({
  kinds,
  use = 'sign-in',
  label,
  ...rest
}: Omit<FieldProps, 'label'> & {
  kinds: readonly ('email' | 'phone' | 'username')[]
  use?: 'sign-in' | 'sign-up' | undefined
  label?: Child | undefined
}) {
  const words = useWords()
  const only = kinds.length === 1 ? kinds[0] : undefined
  const named = (['email', 'phone', 'username'] as const).filter((kind) => kinds.includes(kind)).join('_')
  const signUp = only === 'email' ? 'email' : only === 'phone' ? 'tel' : 'username'
  const phoneHelp = only === 'phone' ? words('identifier.phone_help') : undefined
  return (
    <Field
      type={only === 'phone' ? 'tel' : 'text'}
      inputmode={only === 'email' ? 'email' : only === 'phone' ? 'tel' : undefined}
      autocomplete={use === 'sign-up' ? signUp : 'username webauthn'}
      enterkeyhint="next"
      ltr
      label={label ?? words(`identifier.${named || 'username'}`)}
      help={phoneHelp}
      {...plainText}
      {...rest}
    />
  )
}

/** The account a password belongs to, where people and password managers both see it. Not part of the answer. */
export function IdentifierReadonly({ value, change }: { value: string; change?: string | undefined }) {
  const words = useWords()
  return (
    <div class="who">
      <input
        class="who-value"
        type="text"
        aria-label={words('identifier.email_phone_username')}
        value={value}
        readonly
        tabindex={-1}
        dir="ltr"
        autocomplete="username"
        {...plainText}
      />
      {change ? <a href={change}>{words('common.change')}</a> : null}
    </div>
  )
}

export type PasswordPolicy = {
  minimum_length?: number | undefined
  uppercase_required?: boolean | undefined
  lowercase_required?: boolean | undefined
  alphabet_required?: boolean | undefined
  digit_required?: boolean | undefined
  symbol_required?: boolean | undefined
  minimum_zxcvbn_score?: number | undefined
  excluded_keywords?: readonly string[] | undefined
  history?: { enabled?: boolean; size?: number; days?: number } | undefined
}

/** A password: `kind` says whether a known one is asked for or a new one is made. **Show** appears with script. */
export function PasswordField({
  kind,
  policy,
  ...props
}: Described & { kind: 'current' | 'new'; policy?: PasswordPolicy | undefined; aside?: Child | undefined }) {
  const words = useWords()
  const { name, label, help, error, autofocus } = props
  return (
    <div class="field">
      <Label name={name}>{label}</Label>
      <Notes name={name} help={help} error={error} />
      <div class="reveal-box">
        <input
          class="input"
          id={name}
          name={name}
          type="password"
          autocomplete={`${kind}-password`}
          passwordrules={policy ? passwordRules(policy) : undefined}
          autofocus={autofocus}
          {...plainText}
          {...described(name, help, error)}
        />
        <button
          class="reveal"
          type="button"
          aria-controls={name}
          aria-label={words('password.show_label')}
          data-reveal={name}
          data-show={words('password.show')}
          data-hide={words('password.hide')}
          data-show-label={words('password.show_label')}
          data-hide-label={words('password.hide_label')}
          data-shown={words('password.shown')}
          data-hidden={words('password.hidden')}
        >
          {words('password.show')}
        </button>
      </div>
    </div>
  )
}

/** The same password once more, for browsers without script; with it, hidden and filled from `of`. */
export function RepeatField({ name, of, error }: { name: string; of: string; error?: Child | undefined }) {
  const words = useWords()
  return (
    <div class="field" data-repeats={of}>
      <Label name={name}>{words('password.confirm')}</Label>
      <Notes name={name} error={error} />
      <input
        class="input"
        id={name}
        name={name}
        type="password"
        autocomplete="new-password"
        autofocus={error !== undefined}
        {...plainText}
        {...described(name, undefined, error)}
      />
    </div>
  )
}

/**
 * What a new password needs, by the wire's `password_policy`. Script ticks the rules it can check as the person types.
 * @param unmet `PasswordPolicyViolated` causes of the last try; `undefined` before the first
 */
export function PolicyList({
  policy,
  of,
  unmet,
}: {
  policy: PasswordPolicy
  of: string
  unmet?: readonly string[] | undefined
}) {
  const words = useWords()
  const rules = policyRules(policy)
  if (rules.length === 0) return null
  return (
    <div class="policy">
      <p class="policy-title" id={`${of}-policy`}>
        {words('policy.intro')}
      </p>
      <ul class="policy-list" data-policy={of} aria-labelledby={`${of}-policy`}>
        {rules.map(({ key, cause, test, vars }) => {
          const met = unmet !== undefined && !unmet.includes(cause)
          return (
            <li
              data-test={test}
              data-state={unmet === undefined ? undefined : met ? 'met' : 'unmet'}
              data-met={words('policy.met')}
              data-unmet={words('policy.unmet')}
            >
              <Icon name="circle" />
              <Icon name="check" />
              <span>{words(key, vars)}</span>
              <span class="unseen">{unmet === undefined ? '' : words(met ? 'policy.met' : 'policy.unmet')}</span>
            </li>
          )
        })}
      </ul>
    </div>
  )
}

type Rule = { key: string; cause: string; test?: string; vars?: Record<string, string | number> }

function policyRules(policy: PasswordPolicy): Rule[] {
  const rules: Rule[] = []
  const length = policy.minimum_length ?? 0
  if (length > 0)
    rules.push({ key: 'policy.length', cause: 'PasswordTooShort', test: `length:${length}`, vars: { n: length } })
  if (policy.uppercase_required)
    rules.push({ key: 'policy.uppercase', cause: 'PasswordUppercaseRequired', test: 'upper' })
  if (policy.lowercase_required)
    rules.push({ key: 'policy.lowercase', cause: 'PasswordLowercaseRequired', test: 'lower' })
  if (policy.alphabet_required)
    rules.push({ key: 'policy.alphabet', cause: 'PasswordAlphabetRequired', test: 'letter' })
  if (policy.digit_required) rules.push({ key: 'policy.digit', cause: 'PasswordDigitRequired', test: 'digit' })
  if (policy.symbol_required) rules.push({ key: 'policy.symbol', cause: 'PasswordSymbolRequired', test: 'symbol' })
  if (policy.minimum_zxcvbn_score) rules.push({ key: 'policy.guessable', cause: 'PasswordBelowGuessableLevel' })
  const banned = policy.excluded_keywords ?? []
  if (banned.length > 0) {
    rules.push({
      key: 'policy.keywords',
      cause: 'PasswordContainingExcludedKeywords',
      vars: { words: banned.join(', ') },
    })
  }
  if (policy.history?.enabled) rules.push({ key: 'policy.history', cause: 'PasswordReused' })
  return rules
}

/** The policy in the notation that password generators read (the `passwordrules` attribute). */
export function passwordRules(policy: PasswordPolicy): string {
  const rules = [`minlength: ${Math.max(policy.minimum_length ?? 0, 12)}`]
  if (policy.uppercase_required) rules.push('required: upper')
  if (policy.lowercase_required) rules.push('required: lower')
  if (policy.alphabet_required && !policy.uppercase_required && !policy.lowercase_required)
    rules.push('required: lower, upper')
  if (policy.digit_required) rules.push('required: digit')
  if (policy.symbol_required) rules.push('required: [-_.#&]')
  return `${rules.join('; ')};`
}

/** A code that was sent or is shown elsewhere: one field, whatever its length, so that paste and autofill work. */
export function CodeField({
  name,
  label,
  help,
  error,
  autofocus,
  length = 6,
  letters = false,
  value,
}: Described & {
  length?: number | undefined
  /** The code holds letters too. */
  letters?: boolean | undefined
  value?: string | undefined
}) {
  return (
    <div class="field">
      <Label name={name}>{label}</Label>
      <Notes name={name} help={help} error={error} />
      <input
        class="input code"
        id={name}
        name={name}
        type="text"
        value={value}
        dir="ltr"
        inputmode={letters ? 'text' : 'numeric'}
        autocomplete={letters ? 'off' : 'one-time-code'}
        enterkeyhint="go"
        autofocus={autofocus}
        data-code={letters ? 'letters' : 'digits'}
        data-length={String(length)}
        {...plainText}
        autocapitalize={letters ? 'characters' : 'none'}
        {...described(name, help, error)}
      />
    </div>
  )
}

export type Option = { value: string; label: string; disabled?: boolean }

/** One of many, in the browser's own list. */
export function SelectField({
  options,
  value,
  optional,
  autocomplete,
  ...props
}: Described & {
  options: readonly Option[]
  value?: string | undefined
  optional?: boolean | undefined
  autocomplete?: string | undefined
}) {
  const { name, label, help, error, autofocus } = props
  return (
    <div class="field">
      <Label name={name}>{optional ? <T k="common.optional" vars={{ label: String(label) }} /> : label}</Label>
      <Notes name={name} help={help} error={error} />
      <div class="select-box">
        <select
          class="input"
          id={name}
          name={name}
          autofocus={autofocus}
          autocomplete={autocomplete}
          {...described(name, help, error)}
        >
          {options.map((option) => (
            <option value={option.value} selected={option.value === value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
        <Icon name="down" />
      </div>
    </div>
  )
}

/** One of a few, all in sight. */
export function RadioField({
  name,
  label,
  options,
  value,
  error,
}: Omit<Described, 'autofocus' | 'help'> & {
  options: readonly { value: string; label: Child; note?: Child }[]
  value?: string | undefined
}) {
  return (
    <fieldset class="choices" aria-describedby={error ? `${name}-error` : undefined}>
      <legend class="label">{label}</legend>
      <Notes name={name} error={error} />
      {options.map((option, at) => (
        <label class="choice">
          <input
            type="radio"
            id={at === 0 ? name : undefined}
            name={name}
            value={option.value}
            checked={option.value === value}
          />
          <span>
            <span class="choice-label">{option.label}</span>
            {option.note ? <span class="choice-note">{option.note}</span> : null}
          </span>
        </label>
      ))}
    </fieldset>
  )
}

/** Yes or nothing. */
export function CheckField({
  name,
  value = 'true',
  label,
  checked,
}: {
  name: string
  value?: string
  label: Child
  checked?: boolean
}) {
  return (
    <label class="choice">
      <input type="checkbox" id={name} name={name} value={value} checked={checked} />
      <span class="choice-label">{label}</span>
    </label>
  )
}

/** Names, addresses and codes are nobody's prose. */
const plainText = { autocapitalize: 'none', autocorrect: 'off', spellcheck: false } as const

function Label({ name, aside, children }: { name: string; aside?: Child | undefined; children?: Child }) {
  const label = (
    <label class="label" for={name}>
      {children}
    </label>
  )
  return aside ? (
    <div class="label-row">
      {label}
      {aside}
    </div>
  ) : (
    label
  )
}

function Notes({ name, help, error }: { name: string; help?: Child | undefined; error?: Child | undefined }) {
  return (
    <>
      {help ? (
        <p class="help" id={`${name}-help`}>
          {help}
        </p>
      ) : null}
      {error ? (
        <p class="error" id={`${name}-error`}>
          <Icon name="alert" />
          <span>{error}</span>
        </p>
      ) : null}
    </>
  )
}

function described(name: string, help: Child, error: Child) {
  const ids = [help ? `${name}-help` : '', error ? `${name}-error` : ''].filter(Boolean).join(' ')
  return {
    'aria-describedby': ids || undefined,
    'aria-invalid': error ? 'true' : undefined,
  }
}
