/** The facts of a record as lines: what was before and what came after, where both are known. */
export interface Line {
  name: string
  before?: string
  after: string
}

export function diff(facts: Record<string, unknown>): Line[] {
  const { before, after, ...rest } = facts
  const lines: Line[] = []
  if (isObject(before) && isObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [old, now] = [text(before[name]), text(after[name])]
      if (old !== now) lines.push({ name, before: old, after: now })
    }
  } else if (before !== undefined || after !== undefined) {
    lines.push({ name: '内容', before: text(before), after: text(after) })
  }
  return [...lines, ...Object.entries(rest).map(([name, value]) => ({ name: WORDS[name] ?? name, after: text(value) }))]
}

const WORDS: Record<string, string> = {
  added: '增加',
  removed: '去掉',
  roles: '角色',
  permissions: '权限',
  username: '账号',
  name: '名称',
  granted: '是否同意',
  sessions: '下线会话',
  failed: '未通过',
  operation: '操作',
  amount_fen: '金额（分）',
  method: '方式',
  locked_until_at: '锁定到',
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

function text(value: unknown): string {
  if (value === null || value === undefined || value === '') return '—'
  if (typeof value === 'boolean') return value ? '是' : '否'
  if (Array.isArray(value)) return value.map(text).join('、') || '—'
  return isObject(value) ? JSON.stringify(value) : String(value)
}
