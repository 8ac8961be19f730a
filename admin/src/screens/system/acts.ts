/** What can be done about a person, with the words of its dialog. */
import { api, take, type Schemas } from '../../api/client'

export type Act = 'add' | 'roles' | 'password' | 'totp' | 'decide' | 'sessions' | 'disable' | 'enable'

export interface Draft {
  username: string
  name: string
  password: string
  role_codes: string[]
  reason: string
  granted: boolean
}

export const WORDS: Record<Act, { title: string; verb: string; note: string; isDanger?: true }> = {
  add: { title: '新增用户', verb: '新增', note: '账号建好后会显示一次动态口令的二维码，请本人当场扫码。' },
  roles: { title: '调整角色', verb: '保存角色', note: '立即生效，已打开的页面 5 秒内跟着变。' },
  password: { title: '重设密码', verb: '重设密码', note: '对方的所有登录会立即结束。动态口令不变。' },
  totp: { title: '申请重置动态口令', verb: '提交申请', note: '须由另一位有审批权限的同事同意；24 小时内有效。' },
  decide: { title: '审批动态口令重置', verb: '同意并生成新口令', note: '同意后旧口令作废、对方的登录结束，新二维码只显示一次。' },
  sessions: { title: '强制下线', verb: '强制下线', note: '对方的所有登录立即结束，需要重新登录。', isDanger: true },
  disable: { title: '停用用户', verb: '停用', note: '对方立即下线，不能再登录；历史记录保留。', isDanger: true },
  enable: { title: '恢复用户', verb: '恢复', note: '对方可以用原来的密码和动态口令登录。' },
}

/** Do it; returns a secret that is shown once, where one was made. */
export async function run(act: Act, person: Schemas['StaffLine'] | undefined, draft: Draft): Promise<Schemas['NewPerson'] | null> {
  const { reason, password, role_codes, username, name, granted } = draft
  if (act === 'add') return take(api.POST('/api/v1/staff/people', { body: { username, name, password, role_codes } }))
  const params = { path: { staff_id: person!.staff_id } }
  if (act === 'roles') await take(api.PUT('/api/v1/staff/people/{staff_id}/roles', { params, body: { role_codes, reason } }))
  if (act === 'password') await take(api.POST('/api/v1/staff/people/{staff_id}/password-resets', { params, body: { password, reason } }))
  if (act === 'totp') await take(api.POST('/api/v1/staff/people/{staff_id}/totp-resets', { params, body: { reason } }))
  if (act === 'sessions') await take(api.POST('/api/v1/staff/people/{staff_id}/session-endings', { params, body: { reason } }))
  if (act === 'disable') await take(api.POST('/api/v1/staff/people/{staff_id}/disablings', { params, body: { reason } }))
  if (act === 'enable') await take(api.POST('/api/v1/staff/people/{staff_id}/enablings', { params, body: { reason } }))
  if (act === 'decide') {
    const path = { approval_id: person!.reset!.approval_id }
    return (await take(api.POST('/api/v1/staff/totp-resets/{approval_id}/decisions', { params: { path }, body: { granted } }))).new
  }
  return null
}
