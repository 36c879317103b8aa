// One field for each attribute of a profile, and the value that it gives back. Fields are named by their pointer.
import { phoneCountries } from '../config/countries.ts'
import type { Config } from '../config/schema.ts'
import { languageName } from '../localization/negotiate.ts'
import { day } from '../localization/time.ts'
import type { Words } from '../localization/words.ts'
import type { CustomAttribute } from '../users/config.ts'
import { Field, type Option, SelectField } from './fields.tsx'
import type { Form } from './page.ts'

type Profile = Config['user_profile']

const addressParts = ['street_address', 'locality', 'region', 'postal_code', 'country'] as const

const addressFill = {
  street_address: 'street-address',
  locality: 'address-level2',
  region: 'address-level1',
  postal_code: 'postal-code',
  country: 'country',
} as const

const fill: Record<string, string> = {
  '/name': 'name',
  '/given_name': 'given-name',
  '/family_name': 'family-name',
  '/middle_name': 'additional-name',
  '/nickname': 'nickname',
  '/birthdate': 'bday',
  '/website': 'url',
  '/profile': 'url',
  '/gender': 'sex',
}

/** Languages to choose from beside the project's own. */
const languages = [
  'ar',
  'bg',
  'cs',
  'da',
  'de',
  'el',
  'en',
  'es',
  'et',
  'fa',
  'fi',
  'fil',
  'fr',
  'he',
  'hi',
  'hr',
  'hu',
  'id',
  'it',
  'ja',
  'ko',
  'lt',
  'lv',
  'ms',
  'nb',
  'nl',
  'pl',
  'pt-BR',
  'pt-PT',
  'ro',
  'ru',
  'sk',
  'sl',
  'sr',
  'sv',
  'ta',
  'th',
  'tr',
  'uk',
  'vi',
  'zh-CN',
  'zh-HK',
  'zh-TW',
]

function customOf(profile: Profile, pointer: string): CustomAttribute | undefined {
  return profile.custom_attributes.attributes.find((attribute) => attribute.pointer === pointer)
}

/** How an attribute is called. */
export function attributeLabel(pointer: string, words: Words): string {
  const name = pointer.slice(1)
  const own = `custom-attribute-label-${name}`
  if (words.has(own)) return words(own)
  const k = name === 'name' ? 'profile.full_name' : `profile.${name}`
  if (words.has(k) && !name.includes('.')) return words(k)
  const spaced = name.replaceAll('_', ' ')
  return spaced.charAt(0).toUpperCase() + spaced.slice(1)
}

function enumLabel(pointer: string, value: string, words: Words): string {
  const own = `custom-attribute-enum-label-${pointer.slice(1)}-${value}`
  return words.has(own) ? words(own) : value
}

function countries(words: Words): Option[] {
  const names = new Intl.DisplayNames([words.lang], { type: 'region' })
  return phoneCountries
    .map((value) => ({ value, label: names.of(value) ?? value }))
    .sort((a, b) => a.label.localeCompare(b.label, words.lang))
}

function withNothing(options: Option[], words: Words): Option[] {
  return [{ value: '', label: words('profile.choose') }, ...options]
}

/** A value as people read it. */
export function attributeText(profile: Profile, pointer: string, value: unknown, words: Words): string {
  if (value === undefined || value === null || value === '') return ''
  if (pointer === '/locale') return languageName(String(value))
  if (pointer === '/zoneinfo') return String(value).replaceAll('_', ' ')
  if (pointer === '/birthdate') {
    const date = new Date(`${value}T00:00:00Z`)
    return Number.isNaN(date.getTime()) ? String(value) : day(words.lang, date)
  }
  if (pointer === '/gender' && (value === 'female' || value === 'male')) return words(`profile.gender_${value}`)
  if (pointer === '/address') {
    const address = value as Record<string, unknown>
    return addressParts
      .map((part) => address[part])
      .filter((part) => typeof part === 'string' && part !== '')
      .join(', ')
  }
  const custom = customOf(profile, pointer)
  if (custom?.type === 'enum') return enumLabel(pointer, String(value), words)
  if (custom?.type === 'country_code' && /^[A-Z]{2}$/.test(String(value)))
    return new Intl.DisplayNames([words.lang], { type: 'region' }).of(String(value)) ?? String(value)
  return String(value)
}

export type AttributeFieldProps = {
  profile: Profile
  pointer: string
  /** The text in the field; of an address, by part. */
  value: string | Readonly<Record<string, string>>
  words: Words
  error?: string | undefined
  optional?: boolean | undefined
  autofocus?: boolean | undefined
}

export function AttributeField({ profile, pointer, value, words, error, optional, autofocus }: AttributeFieldProps) {
  const custom = customOf(profile, pointer)
  const label = attributeLabel(pointer, words)
  const common = { name: pointer, label, error, optional, autofocus }
  if (pointer === '/address') {
    const parts = typeof value === 'string' ? {} : value
    return (
      <>
        {addressParts.map((part, index) =>
          part === 'country' ? (
            <SelectField
              name={`/address/${part}`}
              label={words(`profile.${part}`)}
              value={parts[part]}
              autocomplete={addressFill[part]}
              options={withNothing(countries(words), words)}
            />
          ) : (
            <Field
              name={`/address/${part}`}
              label={words(`profile.${part}`)}
              value={parts[part]}
              autocomplete={addressFill[part]}
              error={index === 0 ? error : undefined}
              autofocus={autofocus && index === 0}
            />
          ),
        )}
      </>
    )
  }
  const text = typeof value === 'string' ? value : ''
  if (pointer === '/gender') {
    const known = ['female', 'male']
    const options = [
      { value: '', label: words('profile.gender_none') },
      ...known.map((one) => ({ value: one, label: words(`profile.gender_${one}`) })),
      ...(text !== '' && !known.includes(text) ? [{ value: text, label: text }] : []),
    ]
    return <SelectField {...common} value={text} options={options} autocomplete="sex" />
  }
  if (pointer === '/zoneinfo') {
    const zones = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone.includes('/'))]
    const options = zones.map((zone) => ({ value: zone, label: zone.replaceAll('_', ' ') }))
    return <SelectField {...common} value={text} options={withNothing(options, words)} />
  }
  if (pointer === '/locale') {
    const tags = [...new Set([...languages, ...(text === '' ? [] : [text])])]
    const options = tags
      .map((tag) => ({ value: tag, label: languageName(tag) }))
      .sort((a, b) => a.label.localeCompare(b.label))
    return <SelectField {...common} value={text} options={withNothing(options, words)} />
  }
  if (custom?.type === 'enum') {
    const options = custom.enum.map((one) => ({ value: one, label: enumLabel(pointer, one, words) }))
    return <SelectField {...common} value={text} options={withNothing(options, words)} />
  }
  if (custom?.type === 'country_code')
    return <SelectField {...common} value={text} options={withNothing(countries(words), words)} />
  const type =
    pointer === '/birthdate'
      ? ('date' as const)
      : pointer === '/website' || pointer === '/profile' || custom?.type === 'url'
        ? ('url' as const)
        : custom?.type === 'email'
          ? ('email' as const)
          : custom?.type === 'phone_number'
            ? ('tel' as const)
            : ('text' as const)
  const inputmode =
    custom?.type === 'integer' ? ('numeric' as const) : custom?.type === 'number' ? ('decimal' as const) : undefined
  return (
    <Field
      {...common}
      type={type}
      inputmode={inputmode}
      value={text}
      autocomplete={fill[pointer] ?? 'off'}
      ltr={type === 'url' || type === 'email' || type === 'tel'}
    />
  )
}

/** A stored value as text for its field. */
export function attributeInput(value: unknown): AttributeFieldProps['value'] {
  if (value === undefined || value === null) return ''
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([part, text]) => [part, String(text)]))
  return String(value)
}

/** The value that a form gives an attribute; null removes it. A number that is none stays text, for the check to refuse. */
export function readAttribute(profile: Profile, pointer: string, form: Form): unknown {
  if (pointer === '/address') {
    const parts = addressParts
      .map((part) => [part, form.get(`/address/${part}`).trim()] as const)
      .filter(([, text]) => text !== '')
    return parts.length === 0 ? null : Object.fromEntries(parts)
  }
  const text = form.get(pointer).trim()
  if (text === '') return null
  const type = customOf(profile, pointer)?.type
  if (type === 'number' || type === 'integer')
    return /^-?\d+([.,]\d+)?$/.test(text) ? Number(text.replace(',', '.')) : text
  return text
}

/** Names of the fields that an attribute has in a form. */
export function attributeFields(pointer: string): string[] {
  return pointer === '/address' ? addressParts.map((part) => `/address/${part}`) : [pointer]
}
