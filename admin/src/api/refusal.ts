/** What the server says when it does not do what was asked; `message` is for people. */
export class Refusal extends Error {
  constructor(
    /** HTTP status; 0: no answer at all. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** Complaints by field of the body. */
    readonly fields: Record<string, string> = {},
    /** What support finds the call by. */
    readonly requestId = '',
  ) {
    super(message)
  }

  get isForbidden(): boolean {
    return this.status === 403
  }

  get isMissing(): boolean {
    return this.status === 404
  }

  /** The other side may have acted all the same: ask again under the same request_id. */
  get isUnsure(): boolean {
    return this.status === 0 || this.status === 503
  }
}

export function refusalOf(status: number, content: unknown): Refusal {
  const said = (content ?? {}) as { code?: string; message?: string; fields?: Record<string, string>; request_id?: string }
  const message = said.message ?? '服务器的答复无法识别，请重试'
  return new Refusal(status, said.code ?? '', message, said.fields ?? {}, said.request_id ?? '')
}

export const noAnswer = () => new Refusal(0, 'no_answer', '没有得到答复，请检查网络后重试')
