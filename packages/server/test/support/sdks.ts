// How each published mobile SDK writes what it sends (wire contract §7): names and their order, encodings, which
// requests carry a proof or the device, how long a signature lives. What they all do alike stands in phone.ts.

export type Pairs = readonly (readonly [string, string])[]

type Carries = 'code' | 'promotion' | 'refresh' | 'id token' | 'anonymous' | 'biometric'

export type Sdk = {
  platform: 'android' | 'ios'
  /** Of the DPoP key; every other key is RS256. */
  proofAlg: 'ES256' | 'RS256'
  /** Not sent with a proof, though everything else is, discovery included. */
  unproven: readonly ('revoke' | 'biometric setup')[]
  /** Seconds that signatures hold. */
  holds: { proof: number; anonymous: number; biometric: number; app2app?: number }
  /** Of the key that lets one app sign another one in; iOS and Android alone have that. */
  app2appAlg?: 'ES256' | 'RS256'
  /** `iat` and `exp` with a fraction. */
  fractions?: true
  /** The public key goes with a request of a key that the server knows: always, or not with this kind. */
  withoutKnownKey: readonly string[]
  /** Signed requests with `device_info`. */
  deviceInJwt: readonly string[]
  /** Token requests with `x_device_info`. */
  tellsDevice: readonly Carries[]
  sendsDeviceSecret?: true
  /** JSON requests and biometric sign-in carry the access token, if there is one. */
  bearerWith: readonly ('json' | 'biometric')[]
  /** The ID-token grant has the access token in the form as well. */
  accessTokenInForm?: true
  jsonType: string
  formType: string
  encodeForm(pairs: Pairs): string
  encodeQuery(pairs: Pairs): string
  formOrder: readonly string[]
  queryOrder: readonly string[]
  scope: string
  /** With which response type, and at which address, as it is written, the settings open. */
  settings: { type: 'none' | 'code'; at: string }
  /** A settings action; `withoutSso` whatever the app is configured to. */
  action: { scope: string; prompt?: 'none'; withoutSso?: true; query?: string; refreshesIdToken?: true }
  /** A pre-authenticated URL says nothing of single sign-on. */
  bareWebUrl?: true
  /** Promotes an anonymous user with `dpop_jkt` in the request. */
  promotesBound?: true
}

const full = 'https://authgear.com/scopes/full-access'
const nativeScope = `openid offline_access ${full}`

const plus = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
const joined = (pairs: Pairs, encode: (text: string) => string) =>
  pairs.map(([name, value]) => `${name}=${encode(value)}`).join('&')
const whatwg = (pairs: Pairs) => new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString()

/** `@authgear/react-native` 6; Capacitor sends the same. */
const reactNative: Sdk = {
  platform: 'android',
  proofAlg: 'RS256',
  unproven: [],
  holds: { proof: 300, anonymous: 60, biometric: 300 },
  deviceInJwt: ['biometric'],
  withoutKnownKey: ['anonymous'],
  tellsDevice: ['code', 'refresh'],
  bearerWith: ['json'],
  jsonType: 'application/json',
  formType: 'application/x-www-form-urlencoded',
  encodeForm: whatwg,
  encodeQuery: whatwg,
  formOrder:
    'grant_type client_id code redirect_uri code_verifier refresh_token jwt x_device_info requested_token_type subject_token subject_token_type actor_token actor_token_type audience scope'.split(
      ' ',
    ),
  queryOrder:
    'response_type code_challenge_method code_challenge response_mode scope client_id redirect_uri state prompt login_hint ui_locales x_color_scheme id_token_hint max_age x_wechat_redirect_uri x_platform x_page x_settings_action x_settings_action_query x_pre_authenticated_url_token dpop_jkt x_suppress_idp_session_cookie x_sso_enabled'.split(
      ' ',
    ),
  scope: `openid ${full} offline_access`,
  settings: { type: 'code', at: '/settings?' },
  action: { scope: `openid ${full}`, query: 'q_login_id=undefined' },
  promotesBound: true,
}

const pathAllowed = /[^A-Za-z0-9\-._~!$&'()*+,:=@/]/gu
const queryItem = /[^A-Za-z0-9\-._~!$'()*+,:@/?]/gu

/** `authgear-sdk-ios`: a form is encoded as a path is, and a dictionary has no order. */
const ios: Sdk = {
  platform: 'ios',
  proofAlg: 'ES256',
  unproven: ['revoke', 'biometric setup'],
  holds: { proof: 60, anonymous: 60, biometric: 60, app2app: 60 },
  app2appAlg: 'ES256',
  deviceInJwt: ['anonymous', 'biometric', 'app2app'],
  withoutKnownKey: ['anonymous', 'biometric'],
  tellsDevice: ['code', 'promotion', 'refresh', 'id token', 'anonymous', 'biometric'],
  sendsDeviceSecret: true,
  bearerWith: [],
  jsonType: 'application/json',
  formType: 'application/x-www-form-urlencoded',
  encodeForm: (pairs) => joined(pairs, (text) => text).replace(pathAllowed, encodeURIComponent),
  encodeQuery: (pairs) => joined(pairs, (text) => text.replace(queryItem, encodeURIComponent)),
  formOrder:
    'x_device_info actor_token x_app2app_device_key_jwt code_challenge_method code_verifier code_challenge device_secret scope requested_token_type jwt redirect_uri subject_token refresh_token actor_token_type grant_type code audience subject_token_type client_id'.split(
      ' ',
    ),
  queryOrder:
    'response_type client_id redirect_uri x_platform scope code_challenge_method code_challenge state prompt login_hint id_token_hint ui_locales x_color_scheme max_age x_wechat_redirect_uri x_page x_settings_action response_mode x_pre_authenticated_url_token x_suppress_idp_session_cookie x_sso_enabled dpop_jkt'.split(
      ' ',
    ),
  scope: nativeScope,
  settings: { type: 'none', at: '/settings/identities?' },
  action: { scope: nativeScope, prompt: 'none', refreshesIdToken: true },
  promotesBound: true,
  bareWebUrl: true,
}

/** `authgear-sdk-android`: every form and query ends in an ampersand. */
const android: Sdk = {
  platform: 'android',
  proofAlg: 'RS256',
  unproven: [],
  holds: { proof: 60, anonymous: 60, biometric: 60, app2app: 60 },
  app2appAlg: 'RS256',
  deviceInJwt: ['anonymous', 'biometric'],
  withoutKnownKey: [],
  tellsDevice: ['code', 'promotion', 'refresh', 'id token', 'anonymous', 'biometric'],
  sendsDeviceSecret: true,
  bearerWith: [],
  jsonType: 'application/json',
  formType: 'application/x-www-form-urlencoded',
  encodeForm: (pairs) => `${joined(pairs, plus)}&`,
  encodeQuery: (pairs) => `${joined(pairs, plus)}&`,
  formOrder:
    'grant_type client_id x_device_info redirect_uri code code_verifier refresh_token jwt x_app2app_device_key_jwt code_challenge code_challenge_method device_secret requested_token_type audience subject_token_type subject_token actor_token_type actor_token scope'.split(
      ' ',
    ),
  queryOrder:
    'client_id response_type redirect_uri x_platform code_challenge_method code_challenge scope prompt state login_hint ui_locales x_color_scheme id_token_hint max_age x_wechat_redirect_uri x_page x_settings_action response_mode x_pre_authenticated_url_token dpop_jkt x_suppress_idp_session_cookie x_sso_enabled'.split(
      ' ',
    ),
  scope: nativeScope,
  settings: { type: 'none', at: '/settings/identities' },
  action: { scope: `openid ${full}`, prompt: 'none', withoutSso: true },
}

/** `flutter_authgear`, whose clock gives fractions of a second. */
const flutter: Sdk = {
  platform: 'ios',
  proofAlg: 'RS256',
  unproven: [],
  holds: { proof: 300, anonymous: 300, biometric: 300 },
  deviceInJwt: ['biometric'],
  fractions: true,
  withoutKnownKey: [],
  tellsDevice: ['code', 'promotion', 'refresh'],
  sendsDeviceSecret: true,
  bearerWith: ['biometric'],
  accessTokenInForm: true,
  jsonType: 'application/json; charset=UTF-8',
  formType: 'application/x-www-form-urlencoded; charset=utf-8',
  encodeForm: (pairs) => joined(pairs, plus),
  encodeQuery: (pairs) => joined(pairs, plus),
  formOrder:
    'client_id grant_type code redirect_uri code_verifier refresh_token access_token jwt x_device_info device_secret requested_token_type audience subject_token_type subject_token actor_token_type actor_token scope'.split(
      ' ',
    ),
  queryOrder:
    'response_type client_id redirect_uri scope x_platform code_challenge_method code_challenge state prompt login_hint id_token_hint ui_locales x_color_scheme max_age x_page x_suppress_idp_session_cookie x_sso_enabled x_wechat_redirect_uri x_settings_action x_settings_action_query response_mode x_pre_authenticated_url_token dpop_jkt'.split(
      ' ',
    ),
  scope: nativeScope,
  settings: { type: 'none', at: '/settings?' },
  action: { scope: nativeScope, prompt: 'none', withoutSso: true },
  bareWebUrl: true,
}

export const sdks: readonly [string, Sdk][] = [
  ['React Native', reactNative],
  ['iOS', ios],
  ['Android', android],
  ['Flutter', flutter],
]

/** What the platforms say of themselves, as `x_device_info` and in signed requests. */
export const devices = {
  android: {
    android: {
      Build: {
        BOARD: 'komodo',
        BRAND: 'google',
        MODEL: 'Pixel 9 Pro XL',
        DEVICE: 'komodo',
        DISPLAY: 'AP4A.250205.002',
        HARDWARE: 'komodo',
        MANUFACTURER: 'Google',
        PRODUCT: 'komodo',
        VERSION: { BASE_OS: '', CODENAME: 'REL', RELEASE: '15', SDK: '35', SDK_INT: '35' },
      },
      PackageInfo: { packageName: 'com.example.notes', versionName: '1.0', versionCode: '1', longVersionCode: '1' },
      Settings: {
        Secure: { bluetooth_name: '', ANDROID_ID: '0123456789abcdef' },
        Global: { DEVICE_NAME: '安娜的手機' },
      },
      ApplicationInfoLabel: 'Notes',
    },
  },
  ios: {
    ios: {
      uname: {
        machine: 'iPhone17,3',
        nodename: 'Anas-iPhone',
        release: '24.3.0',
        sysname: 'Darwin',
        version: 'Darwin',
      },
      UIDevice: {
        name: 'iPhone',
        systemName: 'iOS',
        systemVersion: '18.3.1',
        model: 'iPhone',
        userInterfaceIdiom: 'phone',
      },
      NSProcessInfo: { isMacCatalystApp: false, isiOSAppOnMac: false },
      NSBundle: {
        CFBundleIdentifier: 'com.example.notes',
        CFBundleName: 'Notes',
        CFBundleDisplayName: 'Notes',
        CFBundleExecutable: 'Notes',
        CFBundleShortVersionString: '1.0',
        CFBundleVersion: '1',
      },
    },
  },
} as const
