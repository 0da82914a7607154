/** The part of cli-progress that we use; it ships no types. */
declare module 'cli-progress' {
  export class SingleBar {
    constructor(options: {
      format: string
      hideCursor?: boolean
      barCompleteChar?: string
      barIncompleteChar?: string
    })
    start(total: number, startValue: number, payload?: object): void
    update(value: number, payload?: object): void
    stop(): void
  }
}
