/** The words of every e-mail, in every language. `{shop}` and `{duration}` are filled in by `render.ts`. */

export const LOCALES = ['en', 'de'] as const
export type Locale = (typeof LOCALES)[number]

/** Whom a message is for, and so whose site its link leads to. */
export type Audience = 'customer' | 'staff'

interface Addressed {
  /** Greeted by it where it reads like a name. */
  name?: string | null
}

/** A link that works once, and for a time. */
interface OneTimeLink extends Addressed {
  token: string
  /** From when the message was asked for. */
  minutes: number
}

/** What each template is given. */
export interface TemplateData {
  'verify-email': OneTimeLink
  /** For the holder of an address with which somebody tried to sign up again. */
  'account-exists': Addressed
  'reset-password': OneTimeLink
  'password-changed': Addressed
  'staff-invitation': OneTimeLink
}

export type TemplateName = keyof TemplateData

interface Words {
  readonly subject: string
  /** Paragraphs before the link. */
  readonly before: readonly string[]
  /** What following the link does. */
  readonly action: string
  /** Paragraphs after the link. */
  readonly after: readonly string[]
}

interface Template {
  /** Where on the site its link leads; a token follows in the fragment. */
  readonly path: string
  /** Set where the audience is never another. */
  readonly audience?: Audience
  readonly words: Readonly<Record<Locale, Words>>
}

/** With a name and without. */
export const GREETINGS: Readonly<Record<Locale, { named: string; unnamed: string }>> = {
  en: { named: 'Hello {name},', unnamed: 'Hello,' },
  de: { named: 'Guten Tag {name},', unnamed: 'Guten Tag,' },
}

export const templates: Readonly<Record<TemplateName, Template>> = {
  'verify-email': {
    path: '/verify-email',
    words: {
      en: {
        subject: 'Confirm your e-mail address',
        before: ['Please confirm that this address belongs to you and your account with {shop}.'],
        action: 'Confirm address',
        after: [
          'The link is valid for {duration} and works once.',
          'If you did not open an account, ignore this message: nothing happens without you.',
        ],
      },
      de: {
        subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
        before: [
          'Bitte bestätigen Sie, dass diese Adresse zu Ihnen und Ihrem Konto bei {shop} gehört.',
        ],
        action: 'Adresse bestätigen',
        after: [
          'Der Link gilt {duration} und funktioniert einmal.',
          'Falls Sie kein Konto eröffnet haben, ignorieren Sie diese Nachricht.',
        ],
      },
    },
  },
  'account-exists': {
    path: '/sign-in',
    words: {
      en: {
        subject: 'You already have an account',
        before: [
          'Somebody, probably you, tried to open an account with {shop} for this address.',
          'It has one already, so you can simply sign in, or choose a new password there.',
        ],
        action: 'Sign in',
        after: ['If it was not you, nothing needs to be done: your account is unchanged.'],
      },
      de: {
        subject: 'Sie haben bereits ein Konto',
        before: [
          'Jemand, vermutlich Sie, wollte mit dieser Adresse ein Konto bei {shop} eröffnen.',
          'Es gibt schon eines: Melden Sie sich an, oder wählen Sie dort ein neues Passwort.',
        ],
        action: 'Anmelden',
        after: ['Falls Sie es nicht waren, ist nichts zu tun: Ihr Konto ist unverändert.'],
      },
    },
  },
  'reset-password': {
    path: '/reset-password',
    words: {
      en: {
        subject: 'Choose a new password',
        before: ['You asked for a new password for your account with {shop}.'],
        action: 'Choose a password',
        after: [
          'The link is valid for {duration} and works once.',
          'If you did not ask for it, ignore this message: your password stays as it is.',
        ],
      },
      de: {
        subject: 'Wählen Sie ein neues Passwort',
        before: ['Sie haben ein neues Passwort für Ihr Konto bei {shop} angefordert.'],
        action: 'Passwort wählen',
        after: [
          'Der Link gilt {duration} und funktioniert einmal.',
          'Falls Sie das nicht waren, ist nichts zu tun: Ihr Passwort bleibt, wie es ist.',
        ],
      },
    },
  },
  'password-changed': {
    path: '/forgot-password',
    words: {
      en: {
        subject: 'Your password was changed',
        before: [
          'The password of your account with {shop} was changed.',
          'If that was you, nothing needs to be done. If not, choose a new one now:',
        ],
        action: 'Choose a new password',
        after: [],
      },
      de: {
        subject: 'Ihr Passwort wurde geändert',
        before: [
          'Das Passwort Ihres Kontos bei {shop} wurde geändert.',
          'Falls Sie das waren, ist nichts zu tun. Falls nicht, wählen Sie jetzt ein neues:',
        ],
        action: 'Neues Passwort wählen',
        after: [],
      },
    },
  },
  'staff-invitation': {
    path: '/accept-invitation',
    audience: 'staff',
    words: {
      en: {
        subject: 'You are invited to {shop}',
        before: ['You have been invited to the staff of {shop}. The link lets you set up access.'],
        action: 'Accept the invitation',
        after: [
          'The link is valid for {duration} and works once.',
          'If you did not expect it, ignore this message.',
        ],
      },
      de: {
        subject: 'Sie sind zu {shop} eingeladen',
        before: [
          'Sie wurden ins Team von {shop} eingeladen. Über den Link richten Sie Ihren Zugang ein.',
        ],
        action: 'Einladung annehmen',
        after: [
          'Der Link gilt {duration} und funktioniert einmal.',
          'Falls Sie damit nichts anfangen können, ignorieren Sie diese Nachricht.',
        ],
      },
    },
  },
}
