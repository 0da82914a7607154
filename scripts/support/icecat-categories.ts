/**
 * The categories an Open Icecat product may go to, told by its type: the export has no category of
 * its own.
 */

interface IcecatCategory {
  en: string
  de: string
  /** Types, in lower case, that belong here. */
  types: readonly string[]
}

const OTHER = 'other'

/** By handle. A type that none of them names goes to `other`. */
export const ICECAT_CATEGORIES: Readonly<Record<string, IcecatCategory>> = {
  'ink-and-toner': {
    en: 'Ink & toner',
    de: 'Tinte & Toner',
    types: ['original', 'compatible', 'fax ribbon'],
  },
  processors: { en: 'Processors', de: 'Prozessoren', types: ['processor'] },
  notebooks: {
    en: 'Notebooks',
    de: 'Notebooks',
    types: ['notebook', 'chromebook', 'hybrid (2-in-1)'],
  },
  headphones: { en: 'Headphones', de: 'Kopfhörer', types: ['headphones'] },
  headsets: { en: 'Headsets', de: 'Headsets', types: ['headset'] },
  computers: { en: 'Computers', de: 'Computer', types: ['pc', 'mini pc', 'all-in-one pc'] },
  workstations: { en: 'Workstations', de: 'Workstations', types: ['workstation'] },
  servers: { en: 'Servers', de: 'Server', types: ['server'] },
  barebones: { en: 'Barebones', de: 'Barebones', types: ['mini pc (<= 3l) barebone', 'system'] },
  'hard-drives': { en: 'Hard drives', de: 'Festplatten', types: ['hdd', 'ssd'] },
  motherboards: {
    en: 'Motherboards',
    de: 'Hauptplatinen',
    types: ['desktop board', 'server/workstation board', 'server board'],
  },
  'service-plans': {
    en: 'Service plans',
    de: 'Servicepakete',
    types: ['on-site', 'pick-up&return', 'next business day (nbd)'],
  },
  batteries: { en: 'Batteries', de: 'Akkus', types: ['battery'] },
  chargers: {
    en: 'Chargers',
    de: 'Ladegeräte',
    types: ['indoor battery charger', 'indoor', 'auto'],
  },
  'optical-discs': {
    en: 'Optical discs',
    de: 'Rohlinge',
    types: ['cd-r', 'cd-rw', 'dvd-r', 'dvd+r', 'dvd-rw', 'dvd+rw', 'dvd+r dl', 'bd-r'],
  },
  puzzles: { en: 'Puzzles', de: 'Puzzles', types: ['jigsaw puzzle', 'maze puzzle toy'] },
  dolls: {
    en: 'Dolls',
    de: 'Puppen',
    types: ['doll clothes set', 'doll hair styling set', 'doll diaper bag', 'doll'],
  },
  'network-cards': {
    en: 'Network cards',
    de: 'Netzwerkkarten',
    types: ['network interface card'],
  },
  repeaters: { en: 'Repeaters', de: 'Repeater', types: ['network repeater', 'av repeater'] },
  'av-extenders': {
    en: 'AV extenders',
    de: 'AV-Verlängerungen',
    types: ['av transmitter', 'av receiver', 'av transmitter & receiver'],
  },
  cooling: { en: 'Cooling', de: 'Kühlung', types: ['fan', 'cooler', 'radiator', 'heatsink'] },
  racks: {
    en: 'Racks',
    de: 'Racks',
    types: ['freestanding rack', 'wall mounted rack', 'rack'],
  },
  'rack-accessories': {
    en: 'Rack accessories',
    de: 'Rackzubehör',
    types: [
      'rack shelf',
      'adjustable shelf',
      'bezel panel',
      'blank panel',
      'castor wheels',
      'screw',
    ],
  },
  'privacy-filters': {
    en: 'Privacy filters',
    de: 'Blickschutzfilter',
    types: ['frameless display privacy filter', 'framed display privacy filter'],
  },
  'screen-protectors': {
    en: 'Screen protectors',
    de: 'Displayschutz',
    types: ['anti-glare screen protector', 'clear screen protector'],
  },
  'printer-parts': {
    en: 'Printer parts',
    de: 'Druckerteile',
    types: ['maintenance kit', 'roller', 'paper tray', 'filter kit', 'staples pack'],
  },
  lasers: { en: 'Laser printers', de: 'Laserdrucker', types: ['laser'] },
  spares: { en: 'Spares', de: 'Ersatzteile', types: ['spares and accessories'] },
  'keyboard-covers': { en: 'Keyboard covers', de: 'Tastaturhüllen', types: ['keyboard cover'] },
  keyboards: { en: 'Keyboards', de: 'Tastaturen', types: ['keyboard'] },
  players: { en: 'Music players', de: 'Musikspieler', types: ['mp3 player', 'mp4 player'] },
  'home-audio': {
    en: 'Home audio',
    de: 'Heimaudio',
    types: ['home audio micro system', 'home audio mini system'],
  },
  speakers: {
    en: 'Speakers',
    de: 'Lautsprecher',
    types: ['stereo portable speaker', 'mono portable speaker'],
  },
  calculators: {
    en: 'Calculators',
    de: 'Taschenrechner',
    types: ['financial calculator', 'basic calculator', 'scientific calculator'],
  },
  'hair-care': {
    en: 'Hair care',
    de: 'Haarpflege',
    types: ['hot air brush', 'straightening iron', 'curling iron'],
  },
  storage: { en: 'Storage controllers', de: 'Speichercontroller', types: ['raid'] },
  'computer-holders': {
    en: 'Computer holders',
    de: 'PC-Halterungen',
    types: ['desk-mounted cpu holder', 'cart-mounted cpu holder'],
  },
  other: { en: 'More', de: 'Weiteres', types: [] },
}

const HANDLE_BY_TYPE = new Map(
  Object.entries(ICECAT_CATEGORIES).flatMap(([handle, { types }]) =>
    types.map((type) => [type, handle] as const),
  ),
)

/** The handle of the category that the record's product type names, or else its type. */
export function categoryOf(record: Readonly<Record<string, unknown>>): string {
  for (const type of [record.attr_t_product_type, record.attr_t_type]) {
    const handle = typeof type === 'string' && HANDLE_BY_TYPE.get(type.trim().toLowerCase())
    if (handle) return handle
  }
  return OTHER
}
