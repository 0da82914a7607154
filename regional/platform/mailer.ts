/** The port to whatever carries e-mail. */
export interface Mailer {
  /**
   * Hands one message over, or fails: what is under way when the signal aborts may have been carried all the same.
   *
   * @throws {FinalFailure} when the address is refused for good.
   */
  send(message: MailMessage, signal: AbortSignal): Promise<void>
  /** Ends idle connections. */
  close(): void
}

export interface MailMessage {
  /** Becomes the `Message-ID`, so that whoever gets a message twice can tell. */
  readonly id: string
  /** One bare address. */
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html?: string
}
