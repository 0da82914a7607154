/** What a command of this repository was asked for. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

const HELP_OPTION = { help: { type: 'boolean', default: false } } as const

/**
 * The command's options. `--help` prints the help and ends the process; what the command does not know is named, with the
 * help beneath it, and ends it with 1.
 */
export function optionsOf<const Options extends NonNullable<ParseArgsConfig['options']>>(
  help: string,
  options: Options,
) {
  const { values } = parsed(help, { ...options, ...HELP_OPTION })
  if ((values as { help: boolean }).help) {
    console.log(help)
    process.exit(0)
  }
  return values
}

function parsed<const Options extends NonNullable<ParseArgsConfig['options']>>(
  help: string,
  options: Options,
) {
  try {
    return parseArgs({ options })
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    process.exit(1)
  }
}
